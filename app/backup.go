package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"loot"
	"loot/keyring"
	"loot/store"
)

// A BackupKind says what a backup holds. Data and keys are never in one.
type BackupKind string

// The kinds.
const (
	BackupData BackupKind = "data" // records, jobs and the ledger's tiles: unreadable without the keys
	BackupKeys BackupKind = "keys" // persons' keys and epoch keys, sealed by the root, which is in no backup
)

// A Manifest says what is in a backup.
type Manifest struct {
	Kind  BackupKind        `json:"kind"`
	Made  time.Time         `json:"made"`
	Files map[string]string `json:"files"` // path within the backup to SHA-256 in hex
}

const manifestName = "manifest.json"

// Backup copies data or keys into the folder target, which must be empty or
// not there, while the server runs. The ledger's log is copied after the
// database, so that it holds at least what the database confirmed. No epoch
// begins or ends while keys are copied.
func (p Place) Backup(ctx context.Context, kind BackupKind, target string, now time.Time) (Manifest, error) {
	p = p.withDefaults()
	m := Manifest{Kind: kind, Made: now.UTC(), Files: map[string]string{}}
	exists := p.dataExists
	if kind == BackupKeys {
		exists = p.keysExist
	}
	if err := exists(ctx); err != nil {
		return m, err
	}
	if err := emptyFolder(target); err != nil {
		return m, err
	}
	url, name, folder, sub := p.Store, "loot", p.Log, "log"
	if kind == BackupKeys {
		url, name, folder, sub = p.Keys, "persons", filepath.Join(p.KeyFolder, "epochs"), "epochs"
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return m, err
	}
	defer db.Close()
	copyAll := func() error {
		if err := db.Backup(ctx, url, target, name); err != nil {
			return err
		}
		to := filepath.Join(target, sub)
		err := os.Mkdir(to, 0o700)
		if err == nil && kind == BackupData {
			// First of all the checkpoint: it must not speak of more than what
			// is copied after it.
			err = absent(copyFile(filepath.Join(folder, checkpoint), filepath.Join(to, checkpoint)))
		}
		if err == nil {
			err = copyTree(folder, to)
		}
		if err != nil {
			return loot.Wrap(loot.Unavailable, err, "The folder "+folder+" could not be copied.")
		}
		return nil
	}
	if kind == BackupKeys {
		err = keyring.Still(ctx, db, copyAll)
	} else {
		err = copyAll()
	}
	if err != nil {
		return m, err
	}
	if m.Files, err = hashTree(target); err != nil {
		return m, err
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	return m, os.WriteFile(filepath.Join(target, manifestName), append(b, '\n'), 0o600)
}

// Restore puts a backup back where the settings say. The target must be empty;
// nothing is written before every file of the backup was found as it was made.
func (p Place) Restore(ctx context.Context, kind BackupKind, source string) (Manifest, error) {
	p = p.withDefaults()
	m, err := readManifest(source, kind)
	if err != nil {
		return m, err
	}
	url, name, folder, sub := p.Store, "loot", p.Log, "log"
	if kind == BackupKeys {
		url, name, folder, sub = p.Keys, "persons", filepath.Join(p.KeyFolder, "epochs"), "epochs"
	}
	if err := emptyFolder(folder); err != nil {
		return m, err
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return m, loot.Errorf(loot.Conflict, "There is a database already: %s. Nothing is overwritten; move it away first.", path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return m, loot.Wrap(loot.Unavailable, err, "The folder of the database cannot be made.")
		}
		err = copyFile(filepath.Join(source, name+".db"), path)
	} else {
		err = store.RestoreDump(ctx, filepath.Join(source, name+".dump"), url)
	}
	if err != nil {
		return m, err
	}
	if err := copyTree(filepath.Join(source, sub), folder); err != nil {
		return m, loot.Wrap(loot.Unavailable, err, "The folder "+folder+" could not be written.")
	}
	return m, nil
}

// readManifest holds every file of a backup against its manifest.
func readManifest(source string, kind BackupKind) (Manifest, error) {
	var m Manifest
	b, err := os.ReadFile(filepath.Join(source, manifestName))
	if err != nil {
		return m, loot.Wrap(loot.Invalid, err, "This is no backup: it has no "+manifestName+".")
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, loot.Wrap(loot.Invalid, err, "The manifest of the backup is damaged.")
	}
	if m.Kind != kind {
		return m, loot.Errorf(loot.Invalid, "This is a backup of %s and not of %s.", m.Kind, kind)
	}
	have, err := hashTree(source)
	if err != nil {
		return m, err
	}
	for path, sum := range m.Files {
		switch got, ok := have[path]; {
		case !ok:
			return m, loot.Errorf(loot.Invalid, "The backup lacks %s. Nothing was restored.", path)
		case got != sum:
			return m, loot.Errorf(loot.Invalid, "%s was changed after the backup was made. Nothing was restored.", path)
		}
	}
	for path := range have {
		if _, ok := m.Files[path]; !ok {
			return m, loot.Errorf(loot.Invalid, "%s does not belong to the backup. Nothing was restored.", path)
		}
	}
	return m, nil
}

// emptyFolder makes a folder that must be empty or not be there yet.
func emptyFolder(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return loot.Wrap(loot.Unavailable, err, "The folder "+path+" cannot be read.")
	}
	if len(entries) > 0 {
		return loot.Errorf(loot.Conflict, "The folder %s is not empty. Nothing is overwritten; choose another or move it away.", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return loot.Wrap(loot.Unavailable, err, "The folder "+path+" cannot be made.")
	}
	return nil
}

// absent makes nothing of a file that is not there.
func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// copyTree copies the files below a folder that are not copied yet, but no
// fleeting key. One that goes away meanwhile was a temporary one.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return absent(err)
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		if there(target) || !keyring.BackedUp(d.Name()) {
			return nil
		}
		return absent(copyFile(path, target))
	})
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Sync()
}

// hashTree returns the SHA-256 of every file of a backup but its manifest.
func hashTree(dir string) (map[string]string, error) {
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || rel == manifestName {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		out[filepath.ToSlash(rel)] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
	if err != nil {
		return nil, loot.Wrap(loot.Unavailable, err, "The backup cannot be read.")
	}
	return out, nil
}
