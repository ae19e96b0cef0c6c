package disclosure

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// A stand is how a request stands for whoever looks at it.
type stand struct {
	s         *statement.Statement
	r         request
	authority authority
	notes     []desk.Note
	held      map[loot.Field]vault.About // of the person; nil: nobody is named
	approval  gate.Approval              // zero: none was asked for
	by        loot.Actor
	now       time.Time
}

// stand reads how a request stands.
func (d *disclosure) stand(ctx context.Context, tx *store.Tx, s *statement.Statement, id, lock string, by loot.Actor) (st stand, err error) {
	st = stand{s: s, by: by, now: d.Now()}
	if st.r, err = findRequest(ctx, tx, id, lock); err != nil {
		return st, err
	}
	if st.authority, err = d.findAuthority(ctx, tx, st.r.Authority, ""); err != nil {
		return st, err
	}
	if err := d.may(ctx, tx, st.r, by); err != nil {
		return st, err
	}
	if st.notes, err = d.notes.Of(ctx, tx, id); err != nil {
		return st, err
	}
	if st.r.Subject != "" {
		if st.held, err = d.answerable(ctx, tx, st.r.Subject); err != nil {
			return st, err
		}
	}
	if st.r.Approval != "" {
		st.approval, err = d.Gate.Standing(ctx, tx, st.r.Approval)
	}
	return st, err
}

// answerable returns what is held of somebody, with what an order to preserve or a secrecy
// alone keeps, which nobody sees but who answers.
func (d *disclosure) answerable(ctx context.Context, tx *store.Tx, s loot.Subject) (map[loot.Field]vault.About, error) {
	out, err := d.Vault.Aside(ctx, tx, s, collection)
	if err != nil {
		return nil, err
	}
	held, err := d.Vault.Held(ctx, tx, s, collection)
	maps.Copy(out, held)
	return out, err
}

// open reports whether something can still be done about a request, and nothing was
// handed over yet.
func (st stand) open() bool { return st.r.Closed.IsZero() && st.r.Answered.IsZero() }

// A doing is one step that is being done.
type doing struct {
	*stand
	d     *disclosure
	tx    *store.Tx
	typed url.Values
	file  *web.File // nil: none was sent
	said  string    // to whoever did it
	once  string    // the password of the sealed answer, for whoever did it
}

func (do *doing) note(ctx context.Context, kind, text string) error {
	if text == "" {
		return nil
	}
	return do.d.notes.Add(ctx, do.tx, do.r.ID, desk.Note{At: do.now, Author: do.by.ID, Kind: kind, Text: text})
}

func (do *doing) noted(ctx context.Context, note, reason string) error {
	return do.d.noted(ctx, do.tx, do.r, do.authority, do.by, note, reason)
}

// A stepKind is something that can be done about a request.
type stepKind struct {
	id, title, text, icon, button string
	upload, danger                bool
	offered                       func(st stand) bool
	fields                        func(st stand) web.Fields
	do                            func(ctx context.Context, do *doing) error
}

// steps are in the order in which a page shows them.
var steps = []stepKind{
	takeStep, personStep, assessStep, askStep, answerStep, reviewStep, closeStep, passwordStep, endStep, refuseStep, preserveStep, secrecyStep, documentStep,
}

const dayHint = "The last day, as the document says it."

var takeStep = stepKind{
	id: "take", title: "Take it over", icon: "hand", button: "Deal with it",
	text:    "Its reminders come to you from then on.",
	offered: func(st stand) bool { return st.r.Closed.IsZero() && st.r.Owner != st.by.ID },
	do: func(_ context.Context, do *doing) error {
		do.r.Owner, do.said = do.by.ID, "You deal with it now."
		return nil
	},
}

var personStep = stepKind{
	id: "person", title: "Whom it is about", icon: "user-search", button: "Name the person",
	text:    "By the id of their record, or by a search that is on the ledger. While secrecy is ordered, the search is hidden with the request.",
	offered: func(st stand) bool { return st.open() && st.approval.State != gate.Approved },
	fields: func(st stand) web.Fields {
		by := []web.Option{{Value: "id", Label: "Id of the record"}}
		for _, f := range st.s.Fields(collection) {
			if f.Index {
				by = append(by, web.Option{Value: string(f.ID), Label: desk.Title(st.s, f.ID)})
			}
		}
		return web.Fields{
			{Name: "by", Label: "By", Type: "select", Required: true, Plain: true, Options: by},
			{Name: "value", Label: "Exact value", Type: "search", Required: true, Plain: true, MaxLen: 254},
		}
	},
	do: namePerson,
}

func namePerson(ctx context.Context, do *doing) error {
	value, by := do.typed.Get("value"), loot.Field(do.typed.Get("by"))
	found := []loot.Subject{loot.Subject(value)}
	if by != "id" {
		p, err := do.d.Gate.Decide(ctx, do.tx, gate.Request{
			Action: loot.Find, Actor: do.by, Desk: name, Purpose: searching, Collection: collection, Fields: []loot.Field{by}, Case: do.r.ID, Asked: asked(do.r),
		})
		if err != nil {
			return err
		}
		if found, err = do.d.Vault.Find(ctx, do.tx, p, by, value); err != nil {
			return err
		}
	}
	switch {
	case len(found) == 0:
		do.said = "Nobody has this. If nothing else leads to somebody, the answer is that nothing is held."
		return nil
	case len(found) > 1:
		var ids []string
		for _, s := range found {
			ids = append(ids, string(s))
		}
		do.said = "Several records have this. Name one by its id: " + strings.Join(ids, ", ") + "."
		return nil
	}
	row, err := do.d.Vault.Row(ctx, do.tx, found[0], collection)
	if loot.KindOf(err) == loot.NotFound || err == nil && row.Erased() {
		return web.Invalid("", map[string]string{"value": "No record has this id, or it was erased. If nothing else leads to somebody, the answer is that nothing is held."})
	}
	if err != nil {
		return err
	}
	former := do.r.Subject
	do.r.Subject, do.r.Fields, do.r.Approval, do.said = found[0], nil, "", "The person is named."
	if do.r.Kind == preservation {
		do.r.Outcome = preserved
	}
	if do.r.Hold.IsZero() {
		return nil
	}
	if err := do.holds(ctx, former); err != nil {
		return err
	}
	return do.noted(ctx, "preserved", "")
}

// holds keeps the records of those whom the request names, or named, for as long as the
// requests about them say. The request is written first, as it is one of them.
func (do *doing) holds(ctx context.Context, more ...loot.Subject) error {
	if err := do.write(ctx); err != nil {
		return err
	}
	for _, s := range append(more, do.r.Subject) {
		if s == "" {
			continue
		}
		until, err := holdUntil(ctx, do.tx, s)
		if err != nil {
			return err
		}
		if err := do.d.Gate.Hold(ctx, do.tx, s, until); err != nil {
			return err
		}
	}
	return nil
}

// write keeps the request as it is now, and reads on from there.
func (do *doing) write(ctx context.Context) error {
	if err := updateRequest(ctx, do.tx, do.r); err != nil {
		return err
	}
	do.r.Version++
	return nil
}

var preserveStep = stepKind{
	id: "preserve", title: "Preserve the record", icon: "lock", button: "Preserve it",
	text:    "An order to preserve has an end. Until then the record is not erased, and an erasure that is asked for waits without showing why.",
	upload:  true,
	offered: func(st stand) bool { return st.r.Closed.IsZero() && st.r.Kind != proceedings && st.r.Subject != "" },
	fields: func(st stand) web.Fields {
		f := web.Fields{
			{Name: "hold", Label: "Until", Type: "date", Required: true, Hint: dayHint},
			{Name: "file", Label: "The order", Type: "file", Accept: acceptFiles, Hint: fileHint},
		}
		if !st.r.Hold.IsZero() {
			f[0].Value = lastDay(st.r.Hold).Format(time.DateOnly)
		}
		return f
	},
	do: func(ctx context.Context, do *doing) error {
		wrong := map[string]string{}
		day := dateOf(do.typed, "hold", wrong)
		do.d.checkDay(day, "hold", wrong)
		if do.file == nil {
			wrong["file"] = "A record is preserved only by the order's document."
		}
		if err := web.Invalid("", wrong); err != nil {
			return err
		}
		former := do.r.Hold
		do.r.Hold, do.said = endOf(day), "The record is kept until "+day.Format("2 January 2006")+"."
		if do.r.Kind == preservation {
			do.r.Outcome = preserved
		}
		if do.r.Hold.After(former) && former.After(do.now) {
			// An erasure that waits meanwhile stays as unseen as it was.
			if err := do.d.Ledger.Delay(ctx, do.tx, former, do.r.Hold); err != nil {
				return err
			}
		}
		if err := do.attach(ctx, "order"); err != nil {
			return err
		}
		if err := do.holds(ctx); err != nil {
			return err
		}
		return do.noted(ctx, "preserved", "")
	},
}

// lastDay is the last day of what ends at the end of one.
func lastDay(end time.Time) time.Time { return desk.DayOf(end).AddDate(0, 0, -1) }

// attach keeps the file that was sent with a step.
func (do *doing) attach(ctx context.Context, kind string) error {
	if do.file == nil {
		return nil
	}
	media, wrong := checkFile(*do.file)
	if wrong != "" {
		return web.Invalid("", map[string]string{"file": wrong})
	}
	return do.d.keepFile(ctx, do.tx, do.r, do.by, kind, media, do.file.Content)
}

var secrecyStep = stepKind{
	id: "secrecy", title: "Secrecy", icon: "eye-off", button: "Keep it secret until then",
	text:   "Only what a court or a law orders, and only with its document. On the day after its end the person is told by itself.",
	upload: true,
	offered: func(st stand) bool {
		return st.r.Closed.IsZero() && st.r.Kind != proceedings && (st.r.Gag.After(st.now) || st.r.Gag.IsZero() && st.r.Answered.IsZero()) ||
			!st.r.Closed.IsZero() && st.r.Gag.After(st.now)
	},
	fields: func(st stand) web.Fields {
		f := web.Fields{
			{Name: "gag", Label: "Until", Type: "date", Required: true, Hint: dayHint},
			{Name: "file", Label: "The order", Type: "file", Accept: acceptFiles, Hint: fileHint},
		}
		if !st.r.Gag.IsZero() {
			f[0].Hint = "Ordered until " + lastDay(st.r.Gag).Format(time.DateOnly) + ". It can be extended, and not shortened."
		}
		return f
	},
	do: func(ctx context.Context, do *doing) error {
		wrong := map[string]string{}
		day := dateOf(do.typed, "gag", wrong)
		do.d.checkDay(day, "gag", wrong)
		end := endOf(day)
		if wrong["gag"] == "" && !do.r.Gag.IsZero() && !end.After(do.r.Gag) {
			wrong["gag"] = "Secrecy is ordered until " + lastDay(do.r.Gag).Format(time.DateOnly) + " already. An extension ends later."
		}
		if do.file == nil {
			wrong["file"] = "Secrecy is ordered or extended only by its document."
		}
		if err := web.Invalid("", wrong); err != nil {
			return err
		}
		kind := "order"
		if !do.r.Gag.IsZero() {
			kind = "extension"
			if err := do.d.Gate.ExtendGag(ctx, do.tx, do.r.Subject, do.r.Gag, end); err != nil {
				return err
			}
		}
		do.r.Gag, do.said = end, "Kept secret until "+day.Format("2 January 2006")+". The person is told on the day after."
		if err := do.attach(ctx, kind); err != nil {
			return err
		}
		return do.noted(ctx, "secrecy", "")
	},
}

var documentStep = stepKind{
	id: "document", title: "Add a document", icon: "paperclip", button: "Attach it", upload: true,
	offered: func(stand) bool { return true },
	fields: func(stand) web.Fields {
		return web.Fields{
			{Name: "file", Label: "Document", Type: "file", Accept: acceptFiles, Hint: fileHint},
			{Name: "text", Label: "What it is", MaxLen: 400},
		}
	},
	do: func(ctx context.Context, do *doing) error {
		if do.file == nil {
			return web.Invalid("", map[string]string{"file": "Choose the file."})
		}
		do.said = "The document is sealed and attached."
		if err := do.note(ctx, "document", do.typed.Get("text")); err != nil {
			return err
		}
		return do.attach(ctx, "document")
	},
}

// step does one step of a request.
func (d *disclosure) step(w http.ResponseWriter, r *http.Request) error {
	i := slices.IndexFunc(steps, func(k stepKind) bool { return k.id == r.PathValue("step") && k.do != nil })
	if i < 0 {
		return loot.Errorf(loot.NotFound, "There is no such step.")
	}
	kind := steps[i]
	typed, sent, err := formOf(r)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var out doing
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		st, err := d.stand(ctx, tx, s, r.PathValue("id"), tx.ForUpdate(), by)
		if err != nil {
			return err
		}
		if err := sameVersion(st.r, typed); err != nil {
			return err
		}
		if !kind.offered(st) {
			return loot.Errorf(loot.Conflict, "This step is not open as the request stands. Look again.")
		}
		if kind.fields != nil {
			if err := kind.fields(st).Check(typed); err != nil {
				return err
			}
		}
		out = doing{stand: &st, d: d, tx: tx, typed: typed}
		if list := sent["file"]; len(list) == 1 {
			out.file = &list[0]
		}
		if err := kind.do(ctx, &out); err != nil {
			return err
		}
		return updateRequest(ctx, tx, out.r)
	})
	if refusal, ok := web.RefusalOf(err); ok {
		return d.showRequest(w, r, http.StatusForbidden, shown{refusal: &refusal})
	}
	if web.Wrong(err) != nil {
		return d.showRequest(w, r, http.StatusUnprocessableEntity, shown{step: kind.id, typed: typed, wrong: err})
	}
	if err != nil {
		return err
	}
	if out.once != "" {
		return d.showRequest(w, r, http.StatusOK, shown{once: out.once})
	}
	web.SetFlash(w, r, web.Good, out.said)
	return web.Redirect(w, r, home+"/"+out.r.ID)
}

func sameVersion(r request, typed url.Values) error {
	if typed.Get("version") != strconv.FormatInt(r.Version, 10) {
		return errChanged
	}
	return nil
}
