package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/store/storetest"
)

// An announced handler gets a word when a process learned of an announcement.
type announced chan struct{}

func (announced) Enabled(context.Context, slog.Level) bool { return true }
func (a announced) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "another process announced a version of the statement" {
		a <- struct{}{}
	}
	return nil
}
func (a announced) WithAttrs([]slog.Attr) slog.Handler { return a }
func (a announced) WithGroup(string) slog.Handler      { return a }

// TestAProcessThatRunsFollowsTheAnnouncements: of two processes on one database,
// each decides by what the other announced.
func TestAProcessThatRunsFollowsTheAnnouncements(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			clock := desk.NewClock(time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC))
			c := Config{Place: Place{Data: filepath.Join(t.TempDir(), "data"), Store: url(t), Keys: url(t)}, BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>"}
			start := func(log slog.Handler) *App {
				t.Helper()
				a, err := New(t.Context(), c, Options{Now: clock.Now, Simulated: true, Log: slog.New(log)})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(a.Close)
				return a
			}
			heard := make(announced, 1)
			one, two := start(slog.DiscardHandler), start(heard)
			v, _ := one.Gate.InForce()
			front := v.Statement.Front()
			next, err := statement.Parse("next", bytes.Replace(v.Statement.Source(), []byte(`version: "`+front.Version+`"`), []byte(`version: "next"`), 1))
			if err != nil {
				t.Fatal(err)
			}
			due := clock.Now().AddDate(0, 0, front.NoticeDays)
			if err := one.DB.InTx(t.Context(), func(tx *store.Tx) error {
				return errors.Join(one.Gate.Propose(t.Context(), tx, next), one.Gate.Announce(t.Context(), tx, loot.Actor{Kind: loot.Staff, ID: "t1"}, next.Hash(), due, "a test"))
			}); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			wait, err := two.Start(ctx)
			if err != nil {
				t.Fatal(err)
			}
			select {
			case <-heard:
			case <-time.After(time.Minute):
				t.Error("it never learned of the announcement")
			}
			stop()
			if err := wait(); err != nil {
				t.Error(err)
			}
			clock.Advance(due.Sub(clock.Now()))
			if v, _ := two.Gate.InForce(); v.Statement.Hash() != next.Hash() {
				t.Error("it decides by the former version after the date")
			}
		})
	}
}
