package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"loot"
	"loot/store"
)

// checkpoint is the file in the log's folder that is there once anything was
// recorded.
const checkpoint = "checkpoint"

// whole refuses a Loot of which a part is missing: started, it would make that
// part anew, and what the others hold would be unreadable or, in the ledger,
// contradicted.
func (p Place) whole() error {
	epochs, err := filepath.Glob(filepath.Join(p.KeyFolder, "epochs", "*.key"))
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The name of the key folder cannot be used. Choose another with --key-folder.")
	}
	sealed := there(filepath.Join(p.Log, checkpoint))
	switch {
	case sealed && len(epochs) == 0:
		return loot.Errorf(loot.Unavailable, "There are no keys in %s, and what %s holds was sealed by some. Restore them with loot restore keys, or name their folder with --key-folder.", p.KeyFolder, p.Data)
	case sealed && !file(p.Keys):
		return loot.Errorf(loot.Unavailable, "The store of persons' keys is not in %s. Restore it with loot restore keys, or name its place with --keys.", p.KeyFolder)
	case len(epochs) > 0 && !file(p.Store):
		return loot.Errorf(loot.Unavailable, "There are keys in %s, and no records in %s. Restore them with loot restore data or name their folder with --data; to begin anew, move the keys away.", p.KeyFolder, p.Data)
	}
	return nil
}

// exists returns an error unless a first start made what the settings name.
// Whoever looks at a Loot and mistypes where it is must not get an empty one
// that is in perfect order. Nothing is made by looking.
func (p Place) exists(ctx context.Context) error {
	if err := p.dataExists(ctx); err != nil {
		return err
	}
	return p.keysExist(ctx)
}

func (p Place) dataExists(ctx context.Context) error {
	made, err := store.Migrated(ctx, p.Store, "ledger")
	switch {
	case err != nil:
		return err
	case made:
		return nil
	case p.Store == p.sqliteStore():
		return loot.Errorf(loot.NotFound, "There is no Loot in %s. Name its folder with --data, or begin one with loot serve.", p.Data)
	}
	return loot.Errorf(loot.NotFound, "There is no Loot in the database that --store names. Check its address, or begin one with loot serve.")
}

func (p Place) keysExist(ctx context.Context) error {
	epochs := filepath.Join(p.KeyFolder, "epochs")
	if files, err := os.ReadDir(epochs); err != nil || len(files) == 0 {
		return loot.Errorf(loot.NotFound, "There are no keys in %s. Name their folder with --key-folder, or the one beside it with --data.", p.KeyFolder)
	}
	made, err := store.Migrated(ctx, p.Keys, "keyring")
	if err == nil && !made {
		err = loot.Errorf(loot.NotFound, "There is no store of persons' keys where --keys or --key-folder say. Check them, or restore it with loot restore keys.")
	}
	return err
}

// file reports whether the file of a database is there; one on a server may be.
func file(url string) bool {
	path, ok := strings.CutPrefix(url, "sqlite:")
	path, _, _ = strings.Cut(path, "?")
	return !ok || there(path)
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
