package verification

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"loot"
	"loot/desk"
	"loot/store"
)

// along lists the evidence about a person's details that they take along beside their copy.
func (v *Verification) along(ctx context.Context, tx *store.Tx, me loot.Actor) ([]desk.Document, error) {
	list, err := evidenceOf(ctx, tx, "", loot.Subject(me.ID))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	s, err := v.inForce()
	if err != nil {
		return nil, err
	}
	var out []desk.Document
	for n, e := range list {
		m, err := findMatter(ctx, tx, e.Matter, "")
		if err != nil {
			return nil, err
		}
		out = append(out, desk.Document{
			Title: "Evidence for a check: " + titleOf(s, m.Field), At: e.At, Files: []string{"evidence-" + strconv.Itoa(n+1) + evidenceTypes[e.Kind]},
			Read: func(ctx context.Context) ([][]byte, error) {
				var content io.Reader
				if err := v.Gate.InTx(ctx, func(tx *store.Tx) error {
					p, err := v.Gate.Decide(ctx, tx, v.request(s, m, me, loot.Export))
					if err != nil {
						return err
					}
					content, err = v.Vault.OpenFile(ctx, tx, p, e.ID)
					return err
				}); err != nil {
					return nil, err
				}
				b, err := io.ReadAll(content)
				if err != nil {
					return nil, fmt.Errorf("verification: evidence: %w", err)
				}
				return [][]byte{b}, nil
			},
		})
	}
	return out, nil
}
