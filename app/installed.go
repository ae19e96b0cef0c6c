package app

import (
	"os"
	"path/filepath"
	"strings"

	"loot"
)

// checkpoint is the file in the log's folder that is there once anything was
// recorded.
const checkpoint = "checkpoint"

// installed reports whether there is a Loot where the settings point. One of
// which a part is missing is an error: started, it would make that part anew,
// and what the others hold would be unreadable or, in the ledger, contradicted.
func (c Config) installed() (bool, error) {
	epochs, err := filepath.Glob(filepath.Join(c.KeyFolder, "epochs", "*.key"))
	if err != nil {
		return false, loot.Wrap(loot.Invalid, err, "The name of the key folder cannot be used. Choose another with --key-folder.")
	}
	sealed := there(filepath.Join(c.Log, checkpoint))
	switch {
	case sealed && len(epochs) == 0:
		return false, loot.Errorf(loot.Unavailable, "There are no keys in %s, and what %s holds was sealed by some. Restore them with loot restore keys, or name their folder with --key-folder.", c.KeyFolder, c.Data)
	case sealed && !file(c.Keys):
		return false, loot.Errorf(loot.Unavailable, "The store of persons' keys is not in %s. Restore it with loot restore keys, or name its place with --keys.", c.KeyFolder)
	case len(epochs) > 0 && !file(c.Store):
		return false, loot.Errorf(loot.Unavailable, "There are keys in %s, and no records in %s. Restore them with loot restore data or name their folder with --data; to begin anew, move the keys away.", c.KeyFolder, c.Data)
	}
	return len(epochs) > 0, nil
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
