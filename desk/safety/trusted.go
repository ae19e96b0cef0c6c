package safety

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"loot"
	"loot/mail"
	"loot/store"
	"loot/web"
)

var trustedPage = web.NewPage[trustedView](pageFiles, "pages/trusted.html")

// A reputation is how often somebody's reports were right.
type reputation struct {
	Reports int // in cases that were judged
	Right   int // of which misuse was found
	Cases   int // all
}

// String says it in a sentence.
func (r reputation) String() string {
	if r.Reports == 0 {
		return fmt.Sprintf("%s, none judged yet.", loot.Plural(r.Cases, "report", "reports"))
	}
	return fmt.Sprintf("%d of %d judged led to a judgment (%d %%).", r.Right, r.Reports, (100*r.Right+r.Reports/2)/r.Reports)
}

func reputationOf(ctx context.Context, tx *store.Tx, reporter []byte) (r reputation, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*), COALESCE(SUM(CASE WHEN c.outcome IN ('violation', 'none') THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN c.outcome = 'violation' THEN 1 ELSE 0 END), 0)
		FROM safety_report r JOIN safety_about a ON a.report = r.id JOIN safety_case c ON c.id = a.matter AND c.aside = 0 WHERE r.reporter = $1`, reporter).Scan(&r.Cases, &r.Reports, &r.Right); err != nil {
		return r, fmt.Errorf("safety: reputation: %w", err)
	}
	return r, nil
}

// trustOf returns the organisation that is trusted under the mark of an address.
func trustOf(ctx context.Context, tx *store.Tx, reporter []byte) (title string, ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT title FROM safety_trusted WHERE reporter = $1`, reporter).Scan(&title)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("safety: trusted: %w", err)
	}
	return title, true, nil
}

type trustedView struct {
	web.View
	Tabs   []web.Tab
	Rows   []trustedRow
	Barred *web.Alert
	Form   web.Fields
	Wrong  *web.Problems
}

type trustedRow struct {
	Title  string
	Since  time.Time
	Record string
	End    web.Action
}

func trustForm() web.Fields {
	return web.Fields{
		{Name: "title", Label: "Organisation", Required: true, MaxLen: 120, Hint: "An organisation, not a person."},
		{Name: "email", Label: "Address that its reports come from", Type: "email", Required: true, MaxLen: 254, Hint: "Only a keyed hash of it is kept."},
	}
}

func (d *Safety) trusted(w http.ResponseWriter, r *http.Request) error {
	return d.showTrusted(w, r, http.StatusOK, trustForm(), nil)
}

func (d *Safety) showTrusted(w http.ResponseWriter, r *http.Request, status int, form web.Fields, wrong error) error {
	ctx := r.Context()
	v := trustedView{View: web.ViewOf(r, "Trusted reporters"), Tabs: tabs("trusted", ""), Form: form, Wrong: web.ProblemsOf(wrong, form)}
	v.Lead = "Organisations whose reports come first, such as the trusted flaggers of DSA Article 22. It counts for reports whose sender is proved: by a token of the API or a signed mail."
	v.Wide = true
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Rows, v.Barred = nil, nil
		if err := d.dealing(ctx, tx); loot.KindOf(err) == loot.Denied {
			v.Barred = barredAlert(err)
			return nil
		} else if err != nil {
			return err
		}
		type kept struct {
			mark  []byte
			title string
			at    int64
		}
		var all []kept
		rows, err := tx.Query(ctx, `SELECT reporter, title, at FROM safety_trusted ORDER BY title, at`)
		if err != nil {
			return fmt.Errorf("safety: trusted: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var k kept
			if err := rows.Scan(&k.mark, &k.title, &k.at); err != nil {
				return fmt.Errorf("safety: trusted: %w", err)
			}
			all = append(all, k)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		for _, k := range all {
			rep, err := reputationOf(ctx, tx, k.mark)
			if err != nil {
				return err
			}
			v.Rows = append(v.Rows, trustedRow{k.title, store.Instant(k.at), rep.String(), web.Action{
				Label: "End", Icon: "ban", Small: true, Post: true, Href: "/console/abuse/trusted/end", Hidden: []web.Hidden{{Name: "mark", Value: hex.EncodeToString(k.mark)}},
			}})
		}
		return nil
	}); err != nil {
		return err
	}
	return trustedPage.Render(w, r, status, v)
}

// trust has the reports of an organisation come first from now on.
func (d *Safety) trust(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	form := trustForm()
	err = form.Check(typed)
	if err == nil && !mail.ValidAddress(typed.Get("email")) {
		err = web.Invalid("", map[string]string{"email": web.NotEmail})
	}
	if web.Wrong(err) != nil {
		return d.showTrusted(w, r, http.StatusUnprocessableEntity, form.With(typed, err), err)
	}
	if err != nil {
		return err
	}
	return d.changeTrust(w, r, func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		n, err := tx.Exec(ctx, `INSERT INTO safety_trusted (reporter, title, at, author) VALUES ($1, $2, $3, $4) ON CONFLICT (reporter) DO NOTHING`,
			d.markOfReporter(typed.Get("email")), typed.Get("title"), d.Now().UnixMicro(), by.ID)
		if err != nil {
			return fmt.Errorf("safety: trusted: %w", err)
		}
		if n == 0 {
			return loot.Errorf(loot.Conflict, "This address is trusted already.")
		}
		_, err = d.Gate.Note(ctx, tx, by, "reporter.trusted", typed.Get("title"))
		return err
	})
}

func (d *Safety) trustNoMore(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	return d.changeTrust(w, r, func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		mark, err := hex.DecodeString(typed.Get("mark"))
		if err != nil {
			return loot.Errorf(loot.NotFound, "Nobody is trusted under this mark.")
		}
		n, err := tx.Exec(ctx, `DELETE FROM safety_trusted WHERE reporter = $1`, mark)
		if err != nil {
			return fmt.Errorf("safety: trusted: %w", err)
		}
		if n == 0 {
			return loot.Errorf(loot.NotFound, "Nobody is trusted under this mark.")
		}
		_, err = d.Gate.Note(ctx, tx, by, "reporter.untrusted", "")
		return err
	})
}

func (d *Safety) changeTrust(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, tx *store.Tx, by loot.Actor) error) error {
	ctx := r.Context()
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := d.dealing(ctx, tx); err != nil {
			return err
		}
		return do(ctx, tx, web.ActorOf(ctx))
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, "Kept.")
	return web.Redirect(w, r, "/console/abuse/trusted")
}
