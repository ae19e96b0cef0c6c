package app

import (
	"context"
	"os"
	"path/filepath"

	"loot"
	"loot/store"
)

// exists returns an error unless a first start made what the settings name.
// Whoever looks at a Loot and mistypes where it is must not get an empty one
// that is in perfect order. Nothing is made by looking.
func (c Config) exists(ctx context.Context) error {
	if err := c.dataExists(ctx); err != nil {
		return err
	}
	return c.keysExist(ctx)
}

func (c Config) dataExists(ctx context.Context) error {
	made, err := store.Migrated(ctx, c.Store, "ledger")
	switch {
	case err != nil:
		return err
	case made:
		return nil
	case c.Store == c.sqliteStore():
		return loot.Errorf(loot.NotFound, "There is no Loot in %s. Name its folder with --data, or begin one with loot serve.", c.Data)
	}
	return loot.Errorf(loot.NotFound, "There is no Loot in the database that --store names. Check its address, or begin one with loot serve.")
}

func (c Config) keysExist(ctx context.Context) error {
	epochs := filepath.Join(c.KeyFolder, "epochs")
	if files, err := os.ReadDir(epochs); err != nil || len(files) == 0 {
		return loot.Errorf(loot.NotFound, "There are no keys in %s. Name their folder with --key-folder, or the one beside it with --data.", c.KeyFolder)
	}
	made, err := store.Migrated(ctx, c.Keys, "keyring")
	if err == nil && !made {
		err = loot.Errorf(loot.NotFound, "There is no store of persons' keys where --keys or --key-folder say. Check them, or restore it with loot restore keys.")
	}
	return err
}
