package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"loot/app"
)

// options are the settings of a struct that a help shows, as flags with their
// variables of the environment.
func options(t *testing.T, part reflect.Type) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range reflect.VisibleFields(part) {
		if f.Anonymous {
			continue
		}
		env := f.Tag.Get("env")
		if f.Tag.Get("help") == "" || !strings.HasPrefix(env, "LOOT_") {
			t.Errorf("%s has no help or no variable of the environment", f.Name)
		}
		if _, hidden := f.Tag.Lookup("hidden"); hidden {
			t.Errorf("%s can be set, and no help says so", f.Name)
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(f.Name, "$1-$2"))
		}
		all[name] = env
	}
	return all
}

// TestHelpListsWhatACommandTakes: whatever an operator can set has a flag and a
// variable of the environment. The help of what serves names all of them, that
// of a command which opens or copies an installation what it needs for that.
func TestHelpListsWhatACommandTakes(t *testing.T) {
	place, roots, witnessing := reflect.TypeFor[app.Place](), reflect.TypeFor[app.Roots](), reflect.TypeFor[app.Witnessing]()
	statement := reflect.TypeFor[struct {
		Statement string `help:"the file" env:"LOOT_STATEMENT"`
	}]()
	all := options(t, reflect.TypeFor[app.Config]())
	for command, parts := range map[string][]reflect.Type{
		"serve": {reflect.TypeFor[app.Config]()}, "demo": {reflect.TypeFor[app.Config]()},
		"backup": {place}, "restore": {place},
		"keys rotate": {place, roots}, "keys check": {place, roots}, "vault check": {place, roots}, "statement diff": {place, roots},
		"prove":         {place, roots, statement},
		"ledger verify": {place, roots, witnessing}, "ledger checkpoint": {place, roots, witnessing}, "ledger proof": {place, roots, witnessing},
	} {
		var out, complaints strings.Builder
		if code := run(append(strings.Fields(command), "--help"), strings.NewReader(""), &out, &complaints); code != 0 || complaints.String() != "" {
			t.Fatalf("%s: exit code %d: %s", command, code, &complaints)
		}
		help := strings.Join(strings.Fields(out.String()), " ")
		wanted := map[string]string{}
		for _, part := range parts {
			for name, env := range options(t, part) {
				wanted[name] = env
			}
		}
		for name, env := range all {
			_, rest, ok := strings.Cut(help, " --"+name+"=")
			if !ok { // a switch
				_, rest, ok = strings.Cut(help, " --"+name+" ")
			}
			about, _, _ := strings.Cut(rest, " --")
			if want := wanted[name] != ""; ok != want || ok && !strings.Contains(about, "($"+env+")") {
				t.Errorf("%s: --%s with %s in the help: %v, want %v", command, name, env, ok, want)
			}
		}
		if flags := strings.Count(help, " --"); command == "serve" && flags != len(all)+2 { // --help and --config
			t.Errorf("the help lists %d options, %d can be set", flags, len(all))
		}
	}
}
