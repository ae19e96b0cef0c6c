package publication

import (
	"context"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/store"
)

// pageSize is how many people one job tells of a new version.
const pageSize = 200

// noticePage asks for the next people to be told of an announced version.
type noticePage struct {
	Hash  string `json:"hash"`
	After string `json:"after"` // the last subject of the page before
}

// Kind names the job.
func (noticePage) Kind() string { return "publication.notice_page" }

// noticeOne tells one person of an announced version.
type noticeOne struct {
	Hash    string       `json:"hash"`
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (noticeOne) Kind() string { return "publication.notice" }

func (p *publication) announced(ctx context.Context, hash string) error {
	return p.DB.InTx(ctx, func(tx *store.Tx) error { return p.Jobs.Enqueue(ctx, tx, noticePage{Hash: hash}) })
}

func (p *publication) notifyPage(ctx context.Context, a noticePage) error {
	return p.DB.InTx(ctx, func(tx *store.Tx) error {
		rows, err := p.Vault.List(ctx, tx, "customer", loot.Subject(a.After), pageSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := p.Jobs.Enqueue(ctx, tx, noticeOne{a.Hash, row.Subject}); err != nil {
				return err
			}
		}
		if len(rows) < pageSize {
			return nil
		}
		return p.Jobs.Enqueue(ctx, tx, noticePage{a.Hash, string(rows[len(rows)-1].Subject)})
	})
}

// notifyOne writes to one person. Whoever has no running service and no
// permission left is not: no clause lets us open the address.
func (p *publication) notifyOne(ctx context.Context, a noticeOne) error {
	v, err := p.Gate.Announced(ctx, a.Hash)
	if err != nil {
		return err
	}
	front, day := v.Statement.Front(), v.Effective.Format("2 January 2006")
	_, err = p.Write(ctx, desk.Errand{By: loot.Actor{Kind: loot.Desk, ID: "publication"}, Purpose: "notice", To: a.Subject, Collection: "customer", ID: "notice-" + a.Hash[:16] + "-" + string(a.Subject), Letter: mail.Letter{
		Subject: "Our privacy statement changes on " + day,
		Preview: "What changes, clause by clause; until then nothing does.",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("Version " + front.Version + " of our privacy statement takes effect on " + day + ". Until then nothing changes."),
			mail.Para("The page below shows what changes, clause by clause, in the text and in the rules that our servers obey. What we may newly ask, and any new use of what you gave us, begins on that date and not before."),
			mail.Button("Read what changes", p.BaseURL+"/statement/versions/"+a.Hash),
		},
		Why: "You get this because we hold data about you, and promised to tell you of every change in proper time.",
	}})
	return err
}
