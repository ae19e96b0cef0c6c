package customers

import "loot/desk"

func (c *customers) proofs() []desk.Proof { return nil }
