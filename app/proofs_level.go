package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"loot"
	"loot/desk"
	"loot/statement"
)

// sealedOnDisk looks for what a person gave in every file of the world.
func sealedOnDisk(ctx context.Context, w *desk.World, dir string) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	values, refusal, err := c.open(ctx, c.own(fieldsOf(c.s, customer)...))
	if err != nil {
		return "", err
	}
	if refusal != nil {
		return "", fmt.Errorf("the person could not see their own record: %w", refusal)
	}
	var given [][]byte
	for _, v := range values {
		if text := v.Reveal(); len(text) > 12 { //nolint:forbidigo // a made-up person's, to look for it
			given = append(given, []byte(text))
		}
	}
	if len(given) == 0 {
		return "", errors.New("nothing was given that could be looked for")
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return skipGone(err)
		}
		b, err := os.ReadFile(path) //nolint:gosec // within the world's own folder
		if err != nil {
			return skipGone(err)
		}
		files++
		for _, text := range given {
			if bytes.Contains(b, text) {
				return fmt.Errorf("a detail lies readable in %s", filepath.Base(path))
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if files == 0 {
		return "", errors.New("there was no file to look at")
	}
	return fmt.Sprintf("%s looked for in %s; none found", loot.Plural(len(given), "detail", "details"), loot.Plural(files, "file, database or log", "files, databases and logs")), nil
}

// skipGone passes over a file that was removed while the folder was read.
func skipGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// shownByLevel opens each detail in each role and compares what was shown with
// the detail's level.
func shownByLevel(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	covered, shut, plain := 0, 0, 0
	for _, u := range users {
		if u.Kind != loot.Staff {
			continue
		}
		for _, p := range u.purposes {
			for _, f := range c.s.Fields(customer) {
				level := levelOf(c.s, f)
				values, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				v, held := values[f.ID]
				switch {
				case refusal != nil && refusal.Approvals > 0:
					shut++
				case refusal != nil || !held:
				case level.Approvals > 0:
					return "", fmt.Errorf("%s opened “%s” alone, which is of the level “%s”", u.title, f.Title, level.Title)
				case level.Mask != "none" && !v.Masked:
					return "", fmt.Errorf("%s saw “%s” uncovered at once, which is of the level “%s”", u.title, f.Title, level.Title)
				case v.Masked:
					covered++
				default:
					plain++
				}
			}
		}
	}
	if covered+shut+plain == 0 {
		return "", errors.New("no role opened anything, so nothing was proved")
	}
	return fmt.Sprintf("%s covered, %d shut until others agree, %d shown", loot.Plural(covered, "detail", "details"), shut, plain), nil
}

func levelOf(s *statement.Statement, f statement.FieldDecl) statement.Level {
	c, _ := s.Category(f.Category)
	l, _ := s.Level(c.Level)
	return l
}
