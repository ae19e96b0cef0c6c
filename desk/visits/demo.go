package visits

import (
	"context"

	"loot/desk"
)

func (d *Visits) demo(_ context.Context, _ *desk.World) error { return nil }
