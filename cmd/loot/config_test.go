package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSettingsFile: what a file says counts, and what it says in vain is
// refused with its place.
func TestSettingsFile(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "from-the-file")
	for name, c := range map[string]struct {
		text string
		code int
		says string
	}{
		"every shape":        {"# a comment\ndata: " + from + "\nmetrics: \"\"\ntrusted-proxies: [10.0.0.0/8]\nshutdown: 5s\nquick: true\nlisten: 8080\nsmtp:\n", 1, "There is no Loot in " + from},
		"of another command": {"data: " + from + "\nname: witness.example.net\nas: dpv\n", 1, "There is no Loot in " + from},
		"only comments":      {"# data: x\n", 1, "There is no Loot in "},
		"a slip":             {"data: " + from + "\nlog_level: warn\n", 2, "settings.yaml, line 2: the settings name \"log_level\", and no command has an option --log_level (did you mean log-level?)"},
		"nothing near":       {"telephone: 1\n", 2, "no command has an option --telephone"},
		"set twice":          {"data: a\n\ndata: b\n", 2, "line 3: \"data\" is set twice"},
		"a list for one":     {"data:\n  - a\n", 2, "line 2: --data: this takes one value"},
		"a table":            {"smtp: {host: a}\n", 2, "line 1: --smtp: this takes a plain value"},
		"a list of tables":   {"trusted-proxies: [{a: b}]\n", 2, "--trusted-proxies: this takes a list of plain values"},
		"no duration":        {"shutdown: 5\n", 2, "--shutdown: this takes a length of time, such as 20s or 5m (missing unit"},
		"no boolean":         {"quick: perhaps\n", 2, "--quick: this is either true or false"},
		"no number":          {"days: many\n", 2, "--days: this takes a whole number"},
		"none of the words":  {"log-format: xml\n", 2, "--log-format: this must be one of text, json"},
		"no YAML":            {"data: [\n", 2, "the settings are no YAML"},
		"no table":           {"- data\n", 2, "line 1: the settings are written NAME: VALUE"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "settings.yaml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, stdout, stderr := lootRuns(t, "vault", "check", "--config", file)
			if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
				t.Errorf("exit %d, says %q, want %d with %q", code, stderr, c.code, c.says)
			}
			if strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, "--help") {
				t.Errorf("says %q", stderr)
			}
		})
	}
}

// TestSettingsComeInOrder: a flag before the environment before the file.
func TestSettingsComeInOrder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "settings.yaml")
	if err := os.WriteFile(file, []byte("data: "+filepath.Join(dir, "from-the-file")+"\nstore: mysql://root:hush@localhost/x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LOOT_STORE", "sqlite:"+filepath.Join(dir, "from-the-environment", "loot.db"))
	_, _, stderr := lootRuns(t, "vault", "check", "--config", file)
	if !strings.Contains(stderr, "--store names") {
		t.Errorf("the environment does not count: %q", stderr)
	}
	_, _, stderr = lootRuns(t, "vault", "check", "--config", file, "--store", "")
	if !strings.Contains(stderr, "from-the-file") {
		t.Errorf("the flag does not count: %q", stderr)
	}
	t.Setenv("LOOT_STORE", "")
	if err := os.Unsetenv("LOOT_STORE"); err != nil {
		t.Fatal(err)
	}
	_, _, stderr = lootRuns(t, "vault", "check", "--config", file)
	if !strings.Contains(stderr, "starts with sqlite: or postgres://") || strings.Contains(stderr, "hush") {
		t.Errorf("the file does not count, or its secret is repeated: %q", stderr)
	}
}

// TestSettingsThatCannotBeRead says which file, why, and who names it.
func TestSettingsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for file, why := range map[string]string{filepath.Join(dir, "none.yaml"): "no such file or directory", dir: "is a directory"} {
		code, stdout, stderr := lootRuns(t, "statement", "check", "--config", file)
		if want := "loot: The settings " + file + " cannot be read: " + why + ". Check the name that --config"; code != 2 || stdout != "" || !strings.HasPrefix(stderr, want) {
			t.Errorf("exit %d, prints %q, says %q, want %q", code, stdout, stderr, want)
		}
	}
}
