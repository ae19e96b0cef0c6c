package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"loot"
	"loot/store"
)

// boundTo returns the account that somebody of the company's sign-on has here;
// empty if none.
func (d *Desk) boundTo(ctx context.Context, tx *store.Tx, id []byte) (string, error) {
	var owner string
	err := tx.QueryRow(ctx, `SELECT owner FROM signin_company WHERE id = $1`, id).Scan(&owner)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("signin: company: %w", err)
	}
	return owner, nil
}

// bind keeps who of the company's sign-on an account belongs to. An account
// belongs to one.
func (d *Desk) bind(ctx context.Context, tx *store.Tx, id []byte, owner string) error {
	n, err := tx.Exec(ctx, `INSERT INTO signin_company (id, owner, made) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, id, owner, d.kit.Now().UnixMicro())
	if err != nil {
		return fmt.Errorf("signin: company: %w", err)
	}
	if n == 0 {
		return loot.Errorf(loot.Denied, "This account belongs to somebody else at your company's sign-on. Please ask an administrator.")
	}
	return nil
}
