package disclosure

import (
	"context"

	"loot"
	"loot/desk"
	"loot/store"
)

func (d *disclosure) proofs() []desk.Proof                          { return nil }
func (d *disclosure) demo(ctx context.Context, w *desk.World) error { return nil }

var (
	_ loot.Clause
	_ *store.Tx
)
