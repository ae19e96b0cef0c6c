package billing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"loot"
	"loot/desk/billing/invoice"
	"loot/store"
	"loot/web"
)

// languageOf returns the language that somebody wants their invoices in; empty: they
// did not say.
func languageOf(ctx context.Context, tx *store.Tx, s loot.Subject) (code string, err error) {
	err = tx.QueryRow(ctx, `SELECT language FROM billing_language WHERE subject = $1`, s).Scan(&code)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("billing: language: %w", err)
	}
	return code, nil
}

func languageFields(chosen string) web.Fields {
	f := web.Field{Name: "language", Type: "select", Label: "Language of your invoices", Value: chosen, Plain: true, Hint: "From the next one on: an invoice never changes. Names of services and details stay as they are."}
	for _, l := range invoice.Languages() {
		f.Options = append(f.Options, web.Option{Value: l.Code, Label: l.Name})
	}
	return web.Fields{f}
}

// chooseLanguage takes the language that a customer wants their invoices in.
func (b *Billing) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := languageFields("").Check(typed); err != nil {
		return err
	}
	if _, err := b.DB.Exec(r.Context(), `INSERT INTO billing_language (subject, language) VALUES ($1, $2) ON CONFLICT (subject) DO UPDATE SET language = excluded.language`,
		web.ActorOf(r.Context()).ID, typed.Get("language")); err != nil {
		return fmt.Errorf("billing: language: %w", err)
	}
	web.SetFlash(w, r, web.Good, "Your next invoice is in this language.")
	return web.Redirect(w, r, "/portal/invoices")
}
