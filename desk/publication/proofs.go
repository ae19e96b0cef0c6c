package publication

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
)

func proofs() []desk.Proof {
	const clause = "alterations.notice"
	return []desk.Proof{
		{Clause: clause, Name: "a version cannot take effect before its notice period has passed", Run: func(ctx context.Context, w *desk.World) (string, error) {
			next, err := nextVersion(w, "proof-early")
			if err != nil {
				return "", err
			}
			notice := noticeOf(w)
			early := w.Now().AddDate(0, 0, notice).Add(-time.Hour)
			err = announce(ctx, w, next, early)
			if loot.KindOf(err) != loot.Invalid {
				return "", fmt.Errorf("announcing it %d days less an hour ahead was not refused: %w", notice, err)
			}
			return "refused: " + loot.Message(err), nil
		}},
		{Clause: clause, Name: "an announced version decides nothing before its date, and everything from then on", Run: func(ctx context.Context, w *desk.World) (string, error) {
			before, err := w.Statement()
			if err != nil {
				return "", err
			}
			next, err := nextVersion(w, "proof-announced")
			if err != nil {
				return "", err
			}
			date := w.Now().AddDate(0, 0, noticeOf(w)).Add(time.Hour)
			if err := announce(ctx, w, next, date); err != nil {
				return "", err
			}
			w.Clock.Advance(date.Sub(w.Now()) - time.Second)
			if v, _ := w.Gate.InForce(); v.Statement.Hash() != before.Hash() {
				return "", errors.New("it decided a second before its date")
			}
			w.Clock.Advance(time.Second)
			if v, _ := w.Gate.InForce(); v.Statement.Hash() != next.Hash() {
				return "", errors.New("it did not decide from its date on")
			}
			return "the former version decided until the last second, the new one from its date", nil
		}},
		{Clause: clause, Name: "everybody concerned is written to when a version is announced", Run: func(ctx context.Context, w *desk.World) (string, error) {
			if _, err := w.NewPerson(ctx); err != nil {
				return "", err
			}
			if err := w.Drain(ctx); err != nil {
				return "", err
			}
			sent := w.Sent()
			next, err := nextVersion(w, "proof-told")
			if err != nil {
				return "", err
			}
			if err := announce(ctx, w, next, w.Now().AddDate(0, 0, noticeOf(w)+1)); err != nil {
				return "", err
			}
			if err := w.Drain(ctx); err != nil {
				return "", err
			}
			if w.Sent() <= sent {
				return "", errors.New("nobody was written to")
			}
			return fmt.Sprintf("%s went out", loot.Plural(w.Sent()-sent, "letter", "letters")), nil
		}},
	}
}

func noticeOf(w *desk.World) int {
	v, _ := w.Gate.InForce()
	return v.Statement.Front().NoticeDays
}

// nextVersion returns the version in force under another name.
func nextVersion(w *desk.World, name string) (*statement.Statement, error) {
	s, err := w.Statement()
	if err != nil {
		return nil, err
	}
	old := s.Front().Version
	src := bytes.Replace(s.Source(), []byte(old), []byte(name), 1)
	return statement.Parse(name, src)
}

func announce(ctx context.Context, w *desk.World, s *statement.Statement, date time.Time) error {
	return w.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := w.Gate.Propose(ctx, tx, s); err != nil {
			return err
		}
		return w.Gate.Announce(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "publication"}, s.Hash(), date, "proof")
	})
}
