package main

import (
	"fmt"
	"os"

	"loot"
	"loot/app"
)

type backupCmd struct {
	app.Place
	Kind   app.BackupKind `arg:"" enum:"data,keys" help:"data: records and ledger, unreadable without the keys; keys: persons' and epoch keys, sealed by the root, which is in no backup."`
	Target string         `arg:"" help:"Folder for the backup, empty or not there yet. Keep data and keys in different places." type:"path"`
}

func (b *backupCmd) Run(c *command) error {
	m, err := b.Backup(c.ctx, b.Kind, b.Target, c.now())
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "The %s are in %s: %s in manifest.json.\n", m.Kind, b.Target, loot.Plural(len(m.Files), "file with its hash", "files with their hashes"))
	if m.Kind == app.BackupKeys {
		fmt.Fprintln(c.stdout, "Keep this backup no longer than the statement says: whatever it can open is not erased yet. The root key is not in it.")
	}
	return nil
}

type restoreCmd struct {
	app.Place
	Kind   app.BackupKind `arg:"" enum:"data,keys" help:"data or keys."`
	Source string         `arg:"" help:"Folder with the backup." type:"path"`
}

func (r *restoreCmd) Run(c *command) error {
	m, err := r.Restore(c.ctx, r.Kind, r.Source)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "The %s of %s are back.\n", m.Kind, m.Made.Format("2 January 2006 15:04 MST"))
	root := r.Data + ".root.key"
	if _, err := os.Stat(root); m.Kind == app.BackupKeys && err != nil {
		fmt.Fprintf(c.stdout, "They open only with the root that they were made under, which is in no backup. Unless --root names another, that is the file %s, and it is not there: put it there before you start.\n", root)
	}
	if m.Kind == app.BackupData {
		fmt.Fprintln(c.stdout, "Start with the current keys: whoever was erased since then stays unreadable. Then run loot ledger verify --against a checkpoint that you kept; it shows what the restored data lacks.")
	}
	return nil
}
