package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
)

// Migrate applies the migrations of one owner, a package, that are missing:
// the goose files (NAME.sql beginning with a number) at the top of files. One
// text serves both databases; @BYTES@ stands for the type of byte strings, and
// @BIGKEY@ for that of a whole number that is the primary key, which in SQLite is
// the number of the row itself; @JSON_OBJECT@ for the function that makes an object of
// names and values, and @JSON_OBJECT_AGG@ for that which makes one of many rows. @FINAL TABLE@ has the database itself refuse to
// change or delete a row of the table, @FIXED TABLE@ to change one, and
// @KEPT TABLE WHILE CONDITION@ to delete one, OLD, as long as the condition holds.
// Processes that start at the same time wait for each other, and migrations of
// a newer program are left alone, so that an older one keeps running.
func (db *DB) Migrate(ctx context.Context, owner string, files fs.FS) error {
	dialect, macros, refusals := goose.DialectSQLite3, macrosSQLite, refusalsSQLite
	if db.dialect == Postgres {
		dialect, macros, refusals = goose.DialectPostgres, macrosPostgres, refusalsPostgres
	}
	filled, err := fill(files, macros, refusals)
	if err != nil {
		return fmt.Errorf("store: migrations of %s: %w", owner, err)
	}
	if len(filled) == 0 {
		return nil
	}
	return db.Alone(ctx, "migrate", func() error {
		p, err := goose.NewProvider(dialect, db.e.writePool(), filled,
			goose.WithTableName("goose_"+owner), goose.WithDisableGlobalRegistry(true))
		if err != nil {
			return fmt.Errorf("store: migrations of %s: %w", owner, err)
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("store: migrate %s: %w", owner, err)
		}
		return nil
	})
}

var (
	macrosSQLite   = strings.NewReplacer("@BYTES@", "BLOB", "@BIGKEY@", "INTEGER", "@JSON_OBJECT@", "json_object", "@JSON_OBJECT_AGG@", "json_group_object")
	macrosPostgres = strings.NewReplacer("@BYTES@", "BYTEA", "@BIGKEY@", "BIGINT", "@JSON_OBJECT@", "json_build_object", "@JSON_OBJECT_AGG@", "json_object_agg")
)

var (
	finalTable = regexp.MustCompile(`@FINAL ([a-z_]+)@`)
	fixedTable = regexp.MustCompile(`@FIXED ([a-z_]+)@`)
	keptTable  = regexp.MustCompile(`@KEPT ([a-z_]+) WHILE (.+)@`)
)

// refusals are what refuses to change or delete a row, as a database says it.
type refusals struct{ final, fixed, kept string }

const (
	fixedSQLite = `-- +goose StatementBegin
CREATE TRIGGER ${1}_no_update BEFORE UPDATE ON $1 BEGIN SELECT RAISE(ABORT, 'a row of $1 is final'); END;
-- +goose StatementEnd`
	refusePostgres = `-- +goose StatementBegin
CREATE OR REPLACE FUNCTION ${1}_final() RETURNS trigger LANGUAGE plpgsql AS $$$$ BEGIN RAISE EXCEPTION 'a row of $1 is final'; END $$$$;
-- +goose StatementEnd
`
)

var refusalsSQLite = refusals{
	fixed: fixedSQLite,
	final: fixedSQLite + `
-- +goose StatementBegin
CREATE TRIGGER ${1}_no_delete BEFORE DELETE ON $1 BEGIN SELECT RAISE(ABORT, 'a row of $1 is final'); END;
-- +goose StatementEnd`,
	kept: `-- +goose StatementBegin
CREATE TRIGGER ${1}_kept BEFORE DELETE ON $1 WHEN $2 BEGIN SELECT RAISE(ABORT, 'this row of $1 is kept'); END;
-- +goose StatementEnd`,
}

var refusalsPostgres = refusals{
	fixed: refusePostgres + `CREATE TRIGGER ${1}_no_update BEFORE UPDATE ON $1 FOR EACH ROW EXECUTE FUNCTION ${1}_final();`,
	final: refusePostgres + `CREATE TRIGGER ${1}_no_change BEFORE UPDATE OR DELETE ON $1 FOR EACH ROW EXECUTE FUNCTION ${1}_final();
CREATE TRIGGER ${1}_no_truncate BEFORE TRUNCATE ON $1 FOR EACH STATEMENT EXECUTE FUNCTION ${1}_final();`,
	kept: `-- +goose StatementBegin
CREATE FUNCTION ${1}_kept() RETURNS trigger LANGUAGE plpgsql AS $$$$ BEGIN
	IF TG_OP = 'TRUNCATE' THEN RAISE EXCEPTION 'rows of $1 are kept'; END IF;
	IF $2 THEN RAISE EXCEPTION 'this row of $1 is kept'; END IF;
	RETURN OLD;
END $$$$;
-- +goose StatementEnd
CREATE TRIGGER ${1}_kept BEFORE DELETE ON $1 FOR EACH ROW EXECUTE FUNCTION ${1}_kept();
CREATE TRIGGER ${1}_kept_whole BEFORE TRUNCATE ON $1 FOR EACH STATEMENT EXECUTE FUNCTION ${1}_kept();`,
}

// fill returns the migrations among files with their macros filled in.
func fill(files fs.FS, macros *strings.Replacer, r refusals) (fstest.MapFS, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	filled := fstest.MapFS{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		text := finalTable.ReplaceAllString(macros.Replace(string(b)), r.final)
		text = keptTable.ReplaceAllString(fixedTable.ReplaceAllString(text, r.fixed), r.kept)
		filled[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return filled, nil
}

// Migrated reports whether the database at url is there and holds tables of
// the owner. It makes neither.
func Migrated(ctx context.Context, url, owner string) (yes bool, err error) {
	q := `SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = $1`
	if address, ok := strings.CutPrefix(url, "sqlite:"); ok {
		path, _, _ := strings.Cut(address, "?")
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			return false, nil
		}
	} else {
		q = `SELECT to_regclass($1) IS NOT NULL`
	}
	db, err := Open(ctx, url)
	if err != nil {
		return false, err
	}
	defer db.Close()
	err = db.Read(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, q, "goose_"+owner).Scan(&yes) })
	if err != nil {
		return false, fmt.Errorf("store: look for tables of %s: %w", owner, err)
	}
	return yes, nil
}
