package loot_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// layers says what each package may import from this module besides itself,
// its own sub-packages and the root package. A package that is not listed may
// not exist.
var layers = []struct{ pkg, mayImport string }{
	{".", ""},
	{"statement", ""},
	{"store", ""},
	{"keyring", "store"},
	{"ledger", "keyring store"},
	{"job", "store"},
	{"gate", "statement ledger job store"},
	{"vault", "statement keyring ledger gate job store"},
	{"web", ""},
	{"api", ""},
	{"mail", "store"},
	{"desk", "statement keyring ledger gate vault store job web api mail"},
	{"desk/desktest", "statement keyring ledger gate vault store job web mail desk"},
	{"desk/*", "statement keyring ledger gate vault store job web api mail desk"},
	{"app", "*"},
	{"cmd/loot", "*"},
	{"e2e", "app"},
}

// guarded says which packages alone may import a path or what lies below it.
var guarded = []struct{ path, only string }{
	{"modernc.org/sqlite", "store"},
	{"github.com/jackc/pgx", "store job"},
	{"github.com/riverqueue/river", "job"},
	{"github.com/tink-crypto", "keyring"},
	{"github.com/cedar-policy", "statement gate"},
	{"github.com/danielgtaylor/huma", "api desk/*"},
	{"github.com/transparency-dev", "ledger"},
	{"crypto/aes", "keyring"},
}

// desks is what only app may import.
const desks = "desk/*"

// forTests is what tests alone may import, and what is for tests itself.
const forTests = "store/storetest web/webtest desk/desktest"

// TestLayers holds the picture of the architecture true.
func TestLayers(t *testing.T) {
	for _, breach := range layerBreaches(t, os.DirFS(".")) {
		t.Error(breach)
	}
}

// TestLayersAreSeenToFail plants one breach of each kind.
func TestLayersAreSeenToFail(t *testing.T) {
	file := func(imports string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("package p\n\nimport (" + imports + ")\n")}
	}
	for name, tree := range map[string]fstest.MapFS{
		"a package beside":       {"store/a.go": file(`_ "loot/ledger"`)},
		"a desk and another":     {"desk/billing/a.go": file(`_ "loot/desk/customers"`)},
		"a desk and app":         {"desk/billing/a.go": file(`_ "loot/app"`)},
		"what is for tests":      {"desk/billing/a.go": file(`_ "loot/desk/desktest"`)},
		"and in app":             {"app/a.go": file(`_ "loot/desk/desktest"`)},
		"a test's database":      {"store/a.go": file(`_ "loot/store/storetest"`)},
		"a package not listed":   {"util/a.go": file(``)},
		"a driver":               {"ledger/a.go": file(`_ "modernc.org/sqlite"`)},
		"a driver's sub-package": {"vault/a.go": file(`_ "github.com/jackc/pgx/v5/stdlib"`)},
		"Tink":                   {"vault/a.go": file(`_ "github.com/tink-crypto/tink-go/v2/aead"`)},
		"the root imports":       {"a.go": file(`_ "loot/store"`)},
	} {
		if len(layerBreaches(t, tree)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func layerBreaches(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var out []string
	for _, p := range packages(t, tree) {
		may, ok := allowed(p.name)
		if !ok {
			out = append(out, "package "+p.name+" has no place in layers; say where it belongs")
			continue
		}
		for _, imp := range p.imports {
			for _, g := range guarded {
				if (imp == g.path || strings.HasPrefix(imp, g.path+"/")) && !anyMatch(strings.Fields(g.only), p.name) {
					out = append(out, p.name+" imports "+imp+"; only "+g.only+" may")
				}
			}
			in, ours := strings.CutPrefix(imp, "loot/")
			switch {
			case !ours || slices.Contains(may, "*") || top(in) == top(p.name):
			case !anyMatch(may, in):
				out = append(out, p.name+" imports "+in+", which is above it or beside it")
			}
			if tests := strings.Fields(forTests); ours && slices.Contains(tests, in) && !slices.Contains(tests, p.name) {
				out = append(out, p.name+" imports "+in+", which is for tests")
			}
			if ours && match(desks, in) && p.name != "app" && top(in) != top(p.name) && !slices.Contains(may, "*") {
				out = append(out, p.name+" imports the desk "+in)
			}
		}
	}
	return out
}

var table = regexp.MustCompile(`\b(?:FROM|JOIN|INSERT INTO|UPDATE|TABLE(?: IF NOT EXISTS)?|REFERENCES) ([a-z]+)_[a-z_]+\b`)

// TestTablesStayHome: SQL names the tables of its own package only, so the one
// way to another package's data is to ask that package.
func TestTablesStayHome(t *testing.T) {
	for _, breach := range tableBreaches(t, os.DirFS(".")) {
		t.Error(breach)
	}
	planted := fstest.MapFS{"desk/billing/a.go": {Data: []byte("package billing\nconst q = `SELECT x FROM vault_record`\n")}}
	if len(tableBreaches(t, planted)) == 0 {
		t.Error("a query of another package's table: not found")
	}
}

func tableBreaches(t *testing.T, tree fs.FS) []string {
	t.Helper()
	var out []string
	walk(t, tree, func(path string, b []byte) {
		home := filepath.Base(strings.TrimSuffix(filepath.ToSlash(filepath.Dir(path)), "/migrations"))
		for _, m := range table.FindAllStringSubmatch(string(b), -1) {
			queue := m[1] == "river" && home == "job" // River's own tables
			if owner := m[1]; owner != home && !queue && owner != "pg" && owner != "information" && owner != "sqlite" && home != "store" {
				out = append(out, path+": "+m[0]+" is a table of "+owner)
			}
		}
	}, ".go", ".sql")
	return out
}

// TestTransactionsDoNotTalk: a file of a package that holds a store.Tx imports
// no network client, so nothing leaves from inside a transaction.
func TestTransactionsDoNotTalk(t *testing.T) {
	walk(t, os.DirFS("."), func(path string, b []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), path, b, 0)
		if err != nil {
			t.Fatal(err)
		}
		holds, talks := false, false
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok {
					holds = holds || x.Name == "store" && sel.Sel.Name == "Tx"
					talks = talks || x.Name == "http" && (sel.Sel.Name == "Client" || sel.Sel.Name == "DefaultClient") ||
						x.Name == "net" && (sel.Sel.Name == "Dial" || sel.Sel.Name == "Dialer")
				}
			}
			return true
		})
		if holds && talks {
			t.Errorf("%s holds a transaction and a network client", path)
		}
	}, ".go")
}

// answering is how code says that it answers for what it opens with a person's
// key. Whoever does not say so raises an incident.
var answering = regexp.MustCompile(`\.For\(keyring\.|\.Tally\(`)

// TestOpeningsAreAnsweredFor: the vault, which has permits, and the ledger,
// which opens its own entries, say so, and nobody else.
func TestOpeningsAreAnsweredFor(t *testing.T) {
	for _, path := range answerers(t, os.DirFS(".")) {
		if home := filepath.ToSlash(filepath.Dir(path)); home != "vault" && home != "ledger" {
			t.Errorf("%s answers for openings of a person's values; ask the vault, with a permit", path)
		}
	}
	for _, code := range []string{"key.For(keyring.System)", "key.In(k.Keyring.Tally(at))"} {
		if len(answerers(t, fstest.MapFS{"desk/billing/a.go": {Data: []byte("package billing\nvar x = " + code)}})) == 0 {
			t.Errorf("%s: not found", code)
		}
	}
}

func answerers(t *testing.T, tree fs.FS) (out []string) {
	t.Helper()
	walk(t, tree, func(path string, b []byte) {
		if answering.Match(b) {
			out = append(out, path)
		}
	}, ".go")
	return out
}

type pkg struct {
	name    string
	imports []string
}

// packages reads the imports out of the files. It does not ask the go command:
// go test then knows which files the answer depends on, and never serves a
// cached pass after one of them changed.
func packages(t *testing.T, tree fs.FS) []pkg {
	t.Helper()
	found := map[string][]string{}
	walk(t, tree, func(path string, b []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), path, b, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.ToSlash(filepath.Dir(path))
		found[name] = append(found[name], "")
		for _, i := range f.Imports {
			imp, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[name] = append(found[name], imp)
		}
	}, ".go")
	var out []pkg
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, pkg{name, found[name]})
	}
	return out
}

// walk calls f for each file with one of the endings that is not a test.
func walk(t *testing.T, tree fs.FS, f func(path string, b []byte), endings ...string) {
	t.Helper()
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || d.Name() == "tools" || len(d.Name()) > 1 && d.Name()[0] == '.'):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains(endings, filepath.Ext(path)):
			return nil
		}
		b, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		f(path, b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(name string) ([]string, bool) {
	for _, l := range layers {
		if match(l.pkg, name) {
			return strings.Fields(l.mayImport), true
		}
	}
	return nil, false
}

func anyMatch(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, name) })
}

// match reports whether name is the pattern or lies below it; "desk/*" is any
// one desk, "desk" the package itself, "." the root.
func match(pattern, name string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(name, dir+"/")
		return ok && rest != ""
	}
	if pattern == "desk" || pattern == "." {
		return name == pattern
	}
	return name == pattern || strings.HasPrefix(name, pattern+"/")
}

// top returns the part of a name within which imports are free.
func top(name string) string {
	part := strings.SplitN(name, "/", 3)
	if part[0] == "desk" && len(part) > 1 {
		return part[0] + "/" + part[1]
	}
	return part[0]
}
