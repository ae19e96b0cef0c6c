package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"loot/app"
)

// TestHelpListsEveryOption: whatever an operator can set has a flag and a
// variable of the environment, and the help of serve names both.
func TestHelpListsEveryOption(t *testing.T) {
	var out, complaints strings.Builder
	if code := run([]string{"serve", "--help"}, strings.NewReader(""), &out, &complaints); code != 0 || complaints.String() != "" {
		t.Fatalf("exit code %d: %s", code, &complaints)
	}
	help := strings.Join(strings.Fields(out.String()), " ")
	shown := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[app.Config]()) {
		env := f.Tag.Get("env")
		if f.Tag.Get("help") == "" || !strings.HasPrefix(env, "LOOT_") {
			t.Errorf("%s has no help or no variable of the environment", f.Name)
		}
		if _, hidden := f.Tag.Lookup("hidden"); hidden {
			continue
		}
		shown++
		name := f.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(f.Name, "$1-$2"))
		}
		_, rest, ok := strings.Cut(help, " --"+name+"=")
		about, _, _ := strings.Cut(rest, " --")
		if !ok || !strings.Contains(about, "($"+env+")") {
			t.Errorf("--%s with %s is not in the help", name, env)
		}
	}
	if flags := strings.Count(help, " --"); flags != shown+2 { // --help and --config
		t.Errorf("the help lists %d options, %d can be set", flags, shown)
	}
}
