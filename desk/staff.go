package desk

import (
	"context"
	"time"

	"loot"
	"loot/store"
)

// Staff is what desks ask about colleagues; the desk that keeps them answers.
type Staff struct {
	// Name says what a member of staff is called; empty if there is none.
	Name func(ctx context.Context, tx *store.Tx, id string) (string, error)
	// Signed returns when somebody signed the undertaking; zero if they did not.
	Signed func(ctx context.Context, tx *store.Tx, id string) (time.Time, error)
	// Everybody returns all who ever signed in, also those who are suspended.
	Everybody func(ctx context.Context, tx *store.Tx) ([]loot.Actor, error)
	// Member returns who acts under an id, with the roles of this moment, and the
	// address that letters go to; the zero Actor if they may not sign in.
	Member func(ctx context.Context, tx *store.Tx, id string) (who loot.Actor, address string, err error)
}
