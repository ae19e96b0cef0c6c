package visits

import "loot/desk"

func (d *Visits) proofs() []desk.Proof { return nil }
