package billing

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

var remindersPage = web.NewPage[remindersView](pageFiles, "pages/reminders.html")

const remindersPath = "/console/billing/reminders"

func (b *Billing) reminderRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + remindersPath, Audience: web.Console, Serve: b.reminders, Roles: billers},
		{Pattern: "POST " + remindersPath, Audience: web.Console, Serve: b.addReminder, Roles: billers},
		{Pattern: "POST " + remindersPath + "/{days}/remove", Audience: web.Console, Serve: b.removeReminder, Roles: billers},
		{Pattern: "POST " + remindersPath + "/{days}/{language}/remove", Audience: web.Console, Serve: b.removeReminderText, Roles: billers},
	}
}

type remindersView struct {
	web.View
	Rows  []reminderRow
	Form  web.Fields
	Wrong *web.Problems
	Empty web.Empty
}

type reminderRow struct {
	ID     string
	Title  string
	Texts  []reminderText
	Remove web.Action
}

// reminderText is what a reminder says in a language.
type reminderText struct {
	Name, Code string // of the language; no code: it is for all others
	Text       string
	Remove     *web.Action // nil: it goes with the reminder
}

// forOthers is whom the text of a reminder is for that is in no language of its own.
const forOthers = "All other languages"

func reminderFields() web.Fields {
	languages := []web.Option{{Label: forOthers}}
	for _, l := range invoice.Languages() {
		languages = append(languages, web.Option{Value: l.Code, Label: l.Name})
	}
	return web.Fields{
		{Name: "days", Type: "number", Label: "Days after an invoice was due", Min: "1", Max: "300", Required: true, Plain: true},
		{Name: "language", Type: "select", Label: "For invoices in", Options: languages, Plain: true, Hint: "Each customer gets the text in the language of the invoice, or else the one for all others."},
		{Name: "text", Type: "textarea", Label: "What the letter says", MaxLen: 2000, Rows: 6, Required: true, Plain: true, Hint: "Number, days, amounts and a link stand below it by themselves. An empty line begins a paragraph."},
	}
}

// reminders shows after how many days who has not paid is reminded, and how.
func (b *Billing) reminders(w http.ResponseWriter, r *http.Request) error {
	return b.showReminders(w, r, http.StatusOK, reminderFields(), nil)
}

func (b *Billing) showReminders(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	v := remindersView{View: web.ViewOf(r, "Reminders"), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Crumbs = []web.Crumb{{Label: "Invoices", Href: "/console/billing/invoices"}}
	v.Lead = "Each is written once for an invoice, one after the other, as long as something is open on it. Nobody is reminded of an invoice on which they reported a mistake, until that is answered."
	v.Empty = web.Empty{Icon: "mail", Title: "Nobody is reminded", Text: "Add the first reminder, and it is written by itself within an hour after its day."}
	var all []reminder
	if err := b.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		all, err = readReminders(r.Context(), tx)
		return err
	}); err != nil {
		return err
	}
	for _, one := range all {
		v.Rows = append(v.Rows, rowOfReminder(one))
	}
	return remindersPage.Render(w, r, status, v)
}

func rowOfReminder(r reminder) reminderRow {
	base := remindersPath + "/" + strconv.Itoa(r.Days)
	row := reminderRow{
		ID: "after-" + strconv.Itoa(r.Days), Title: fmt.Sprintf("Reminder %d, after %s", r.Level, loot.Plural(r.Days, "day", "days")),
		Remove: web.Action{Label: "Remove the reminder", Icon: "x", Small: true, Post: true, Href: base + "/remove"},
	}
	for _, l := range invoice.Languages() {
		if text, has := r.Texts[l.Code]; has {
			remove := web.Action{Label: "Remove " + l.Name, Icon: "x", Small: true, Post: true, Href: base + "/" + l.Code + "/remove"}
			row.Texts = append(row.Texts, reminderText{Name: l.Name, Code: l.Code, Text: text, Remove: &remove})
		}
	}
	row.Texts = append(row.Texts, reminderText{Name: forOthers, Text: r.Texts[""]})
	return row
}

// addReminder adds a level, or gives the one of these days another text: in a
// language, or for all others.
func (b *Billing) addReminder(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := reminderFields()
	err = form.Check(typed)
	days, wrong := strconv.Atoi(typed.Get("days"))
	if err == nil && (wrong != nil || days < 1 || days > 300) {
		err = web.Invalid("", map[string]string{"days": "Between 1 and 300 days."})
	}
	if web.Wrong(err) != nil {
		return b.showReminders(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	language, text := typed.Get("language"), typed.Get("text")
	err = b.changeReminders(w, r, "reminder.set", func(ctx context.Context, tx *store.Tx) error {
		if language == "" {
			_, err := tx.Exec(ctx, `INSERT INTO billing_reminder (days, text) VALUES ($1, $2) ON CONFLICT (days) DO UPDATE SET text = excluded.text`, days, text)
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM billing_reminder WHERE days = $1`, days).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			return web.Invalid("", map[string]string{"language": fmt.Sprintf("There is no reminder after %s yet. Add it for “%s” first, so that each customer gets one.", loot.Plural(days, "day", "days"), forOthers)})
		}
		_, err := tx.Exec(ctx, `INSERT INTO billing_reminder_text (days, language, text) VALUES ($1, $2, $3) ON CONFLICT (days, language) DO UPDATE SET text = excluded.text`, days, language, text)
		return err
	})
	if web.Wrong(err) != nil {
		return b.showReminders(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	return err
}

// removeReminder removes a level with all its texts.
func (b *Billing) removeReminder(w http.ResponseWriter, r *http.Request) error {
	days, err := strconv.Atoi(r.PathValue("days"))
	if err != nil {
		return loot.Errorf(loot.NotFound, "There is no such reminder.")
	}
	return b.changeReminders(w, r, "reminder.removed", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM billing_reminder WHERE days = $1`, days)
		return err
	})
}

// removeReminderText removes the text of a language: who has invoices in it gets the
// one for all others.
func (b *Billing) removeReminderText(w http.ResponseWriter, r *http.Request) error {
	days, err := strconv.Atoi(r.PathValue("days"))
	if err != nil {
		return loot.Errorf(loot.NotFound, "There is no such reminder.")
	}
	return b.changeReminders(w, r, "reminder.text.removed", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM billing_reminder_text WHERE days = $1 AND language = $2`, days, r.PathValue("language"))
		return err
	})
}

func (b *Billing) changeReminders(w http.ResponseWriter, r *http.Request, note string, change func(context.Context, *store.Tx) error) error {
	if err := b.DB.InTx(r.Context(), func(tx *store.Tx) error {
		if err := change(r.Context(), tx); err != nil {
			return fmt.Errorf("billing: reminder: %w", err)
		}
		_, err := b.Gate.Note(r.Context(), tx, web.ActorOf(r.Context()), note, "")
		return err
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, remindersPath)
}
