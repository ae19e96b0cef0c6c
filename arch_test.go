package loot_test

import (
	"fmt"
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
	{"column", "store"},
	{"keyring", "store"},
	{"ledger", "keyring store"},
	{"job", "store"},
	{"gate", "statement ledger job store"},
	{"vault", "statement keyring ledger gate job store"},
	{"web", ""},
	{"api", ""},
	{"mail", "store"},
	{"tag", ""},
	{"number", ""},
	{"outbound", ""}, // it says whom we may connect to, and knows nobody
	{"desk", "statement keyring ledger gate vault store job web api mail"},
	{"desk/desktest", "statement keyring ledger gate vault store job web mail desk"},
	{"desk/visits", "statement keyring ledger gate store job web api mail column tag desk"}, // and no vault
	{"desk/verification/register", "number"},                                                // and nobody's data, since it talks to the outside
	{"desk/imports/source", ""},                                                             // it reads files and knows nobody
	{"desk/billing/hook", "outbound"},
	{"desk/partners/sftp", "outbound"}, // and nobody's data: what it carries is sealed
	{"desk/safety/report", ""},         // it reads what anybody sends, and knows nobody
	{"desk/*", "statement keyring ledger gate vault store job web api mail column tag number outbound desk"},
	{"app", "*"},
	{"cmd/loot", "*"},
	{"e2e", "app"},
}

// guarded says which packages alone may import a path or what lies below it.
var guarded = []struct{ path, only string }{
	{"modernc.org/sqlite", "store"},
	{"github.com/jackc/pgx", "store job"},
	{"github.com/duckdb", "column"},
	{"github.com/ClickHouse", "column"},
	{"github.com/riverqueue/river", "job"},
	{"github.com/tink-crypto", "keyring"},
	{"github.com/cedar-policy", "statement gate"},
	{"github.com/danielgtaylor/huma", "api desk/*"},
	{"github.com/transparency-dev", "ledger"},
	{"github.com/emersion/go-message", "desk/safety/report"},
	{"github.com/emersion/go-smtp", "mail desk/desktest"},
	{"github.com/pkg/sftp", "desk/partners/sftp"},
	{"crypto/aes", "keyring"},
}

// desks is what only app may import.
const desks = "desk/*"

// forTests is what tests alone may import, and what is for tests itself.
const forTests = "store/storetest column/columntest web/webtest desk/desktest"

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
		"visits and the vault":   {"desk/visits/a.go": file(`_ "loot/vault"`)},
		"a part of visits":       {"desk/visits/agent/a.go": file(`_ "loot/vault"`)},
		"a number and the store": {"number/a.go": file(`_ "loot/store"`)},
		"a register and vault":   {"desk/verification/register/a.go": file(`_ "loot/vault"`)},
		"visits and customers":   {"desk/visits/a.go": file(`_ "loot/desk/customers"`)},
		"what is for tests":      {"desk/billing/a.go": file(`_ "loot/desk/desktest"`)},
		"and in app":             {"app/a.go": file(`_ "loot/desk/desktest"`)},
		"a test's database":      {"store/a.go": file(`_ "loot/store/storetest"`)},
		"a package not listed":   {"util/a.go": file(``)},
		"a driver":               {"ledger/a.go": file(`_ "modernc.org/sqlite"`)},
		"a driver's sub-package": {"vault/a.go": file(`_ "github.com/jackc/pgx/v5/stdlib"`)},
		"a column driver":        {"desk/visits/a.go": file(`_ "github.com/duckdb/duckdb-go/v2"`)},
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

// TestTablesStayHome: SQL names the tables of its own package only, so the one
// way to another package's data is to ask that package.
func TestTablesStayHome(t *testing.T) {
	for _, breach := range tableBreaches(t, os.DirFS(".")) {
		t.Error(breach)
	}
}

// TestTablesStayHomeIsSeenToFail plants one breach of each kind.
func TestTablesStayHomeIsSeenToFail(t *testing.T) {
	plant := func(path, text string) fstest.MapFS {
		return fstest.MapFS{
			"vault/migrations/1.sql": {Data: []byte("CREATE TABLE vault_record (id TEXT);")},
			path:                     {Data: []byte(text)},
		}
	}
	for name, code := range map[string]string{
		"a query":          "const q = `SELECT x FROM vault_record`",
		"on the next line": "const q = `SELECT x FROM\n\tvault_record`",
		"a comma join":     "const q = `SELECT x FROM billing_plan, vault_record`",
		"in lower case":    "const q = `select x from vault_record`",
		"in upper case":    "const q = `SELECT x FROM VAULT_RECORD`",
		"quoted":           "const q = `SELECT x FROM \"vault_record\"`",
		"in two parts":     "const q = `SELECT x FROM vault_` + `record`",
		"in three parts":   "const q = `SELECT x ` + (`FROM ` + `vault`) + `_record`",
		"half of it":       "func q(x string) string { return `SELECT x FROM vault_` + x }",
		"the other half":   "func q(x string) string { return `SELECT x FROM ` + x + `_record` }",
		"by a name":        "const v = `vault`\nconst q = `DELETE FROM ` + v + `_record`",
		"by a format":      "var q = fmt.Sprintf(`INSERT INTO %s_record (id) VALUES ($1)`, `vault`)",
		"as a value":       "var s = store.Sealed{Table: `vault_record`}",
	} {
		if len(tableBreaches(t, plant("desk/billing/a.go", "package billing\n"+code))) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	for name, code := range map[string]string{
		"an index":             "CREATE UNIQUE INDEX billing_x ON vault_record (id);",
		"a table without name": "CREATE TABLE plans (id TEXT);",
		"one that is renamed":  "ALTER TABLE billing_plan RENAME TO plans;",
		"and made if need be":  "create table if not exists plans (id TEXT);",
		"of a longer name":     "CREATE TABLE billings_plan (id TEXT);",
	} {
		if len(tableBreaches(t, plant("desk/billing/migrations/1.sql", code))) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	if len(tableBreaches(t, plant("desk/billing/a.go", "package billing\nconst q = `CREATE TABLE plans (id TEXT)`"))) == 0 {
		t.Error("a table without name, made by code: not found")
	}
}

// unsaid stands in a text for a part that is no literal.
const unsaid = "\x00"

var (
	tableMade = regexp.MustCompile(`(?i)\b(?:CREATE TABLE(?: IF NOT EXISTS)?|RENAME TO)\s+"?(\w+)`)
	// What ends in % is a pattern, by which tables are measured.
	tableWord = regexp.MustCompile(`(?i)\b([a-z]+)_\w*[%` + unsaid + `]?`)
	// A name that is put together could be anybody's.
	tableParts = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES)\s+"?\w*` + unsaid)
	statements = regexp.MustCompile(`(?i)\b(?:SELECT\s.*\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s.*\sSET|(?:CREATE|DROP|ALTER)\s+TABLE)\s`)
	verbs      = regexp.MustCompile(`%(?:\[\d+\])?[sqv]`)
	remarks    = regexp.MustCompile(`--[^\n]*`)
)

func tableBreaches(t *testing.T, tree fs.FS) []string {
	t.Helper()
	homeOf := func(path string) string {
		return filepath.Base(strings.TrimSuffix(filepath.ToSlash(filepath.Dir(path)), "/migrations"))
	}
	tables, owners := map[string]bool{}, map[string]bool{}
	walk(t, tree, func(path string, b []byte) {
		for _, text := range texts(t, path, b) {
			for _, m := range tableMade.FindAllStringSubmatch(text, -1) {
				tables[strings.ToLower(m[1])], owners[homeOf(path)] = true, true
			}
		}
	}, ".go", ".sql")
	var out []string
	walk(t, tree, func(path string, b []byte) {
		home := homeOf(path)
		if home == "store" || home == "column" || path == "desk/note.go" { // they take the tables' names from whoever calls
			return
		}
		own := func(owner string) bool { return owner == home || owner == "river" && home == "job" }
		for _, text := range texts(t, path, b) {
			for _, m := range tableWord.FindAllStringSubmatch(text, -1) {
				owner := strings.ToLower(m[1])
				// River makes its tables itself.
				if is := tables[strings.ToLower(m[0])] || owner == "river" || owners[owner] && strings.HasSuffix(m[0], unsaid); is && !own(owner) {
					out = append(out, fmt.Sprintf("%s: %q is a table of %s", path, m[0], owner))
				}
			}
			for _, m := range tableMade.FindAllStringSubmatch(text, -1) {
				if owner, _, _ := strings.Cut(strings.ToLower(m[1]), "_"); !own(owner) {
					out = append(out, fmt.Sprintf("%s: the table %s does not carry the name of %s", path, m[1], home))
				}
			}
			if m := tableParts.FindString(text); m != "" && statements.MatchString(strings.ReplaceAll(text, "\n", " ")) {
				out = append(out, fmt.Sprintf("%s: %q: write the table's name whole, so that it is seen whose it is", path, m))
			}
		}
	}, ".go", ".sql")
	return out
}

// texts returns what a file of SQL says, or each text in code, put together
// from its parts.
func texts(t *testing.T, path string, b []byte) (out []string) {
	t.Helper()
	if filepath.Ext(path) == ".sql" {
		return []string{remarks.ReplaceAllString(string(b), "")}
	}
	ast.Inspect(parse(t, path, b), func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		if _, imports := n.(*ast.ImportSpec); imports {
			return false
		}
		text, ok := spelt(e)
		if ok {
			out = append(out, verbs.ReplaceAllString(text, unsaid))
		}
		return !ok
	})
	return out
}

// spelt returns the text that an expression spells, if any part of it is one.
func spelt(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return spelt(e.X)
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		x, left := spelt(e.X)
		y, right := spelt(e.Y)
		if !left {
			x = unsaid
		}
		if !right {
			y = unsaid
		}
		return x + y, e.Op == token.ADD && (left || right)
	}
	return "", false
}

// clients are the names by which code reaches for the network, by import; a
// star stands for whatever follows.
var clients = map[string]string{
	"net":                         "Dial* Lookup* Resolve* Resolver DefaultResolver",
	"net/http":                    "Client DefaultClient DefaultTransport Transport RoundTripper Get Head Post PostForm",
	"net/http/httputil":           "ReverseProxy NewSingleHostReverseProxy ClientConn NewClientConn NewProxyClientConn",
	"net/rpc":                     "*",
	"net/rpc/jsonrpc":             "*",
	"net/smtp":                    "*",
	"net/textproto":               "Dial Conn NewConn",
	"crypto/tls":                  "Dial* Client",
	"log/syslog":                  "*",
	"golang.org/x/crypto/ssh":     "*",
	"golang.org/x/oauth2":         "*",
	"github.com/coreos/go-oidc":   "*",
	"github.com/wneessen/go-mail": "*",
	"github.com/prometheus/client_golang/prometheus/push": "*",
}

// TestTransactionsDoNotTalk: a file that holds a store.Tx has no network client
// and reaches for none that its package keeps, so nothing leaves from inside a
// transaction.
func TestTransactionsDoNotTalk(t *testing.T) {
	for _, breach := range talkBreaches(t, os.DirFS(".")) {
		t.Error(breach)
	}
}

// TestTransactionsDoNotTalkIsSeenToFail plants one breach of each kind, and
// what is none.
func TestTransactionsDoNotTalkIsSeenToFail(t *testing.T) {
	file := func(imports, code string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("package billing\n\nimport (" + imports + ")\n" + code + "\n")}
	}
	const (
		tx     = "\"loot/store\"; "
		inside = "func f(tx *store.Tx) { "
	)
	for name, tree := range map[string]fstest.MapFS{
		"http.Get":           {"desk/billing/a.go": file(tx+`"net/http"`, inside+"http.Get(a) }")},
		"another name":       {"desk/billing/a.go": file(tx+`web "net/http"`, inside+"web.PostForm(a, nil) }")},
		"no name":            {"desk/billing/a.go": file(tx+`. "net/http"`, inside+"Get(a) }")},
		"a client":           {"desk/billing/a.go": file(tx+`"net/http"`, "var c http.Client\n"+inside+"}")},
		"a transport":        {"desk/billing/a.go": file(tx+`"net/http"`, inside+"http.DefaultTransport.RoundTrip(r) }")},
		"smtp":               {"desk/billing/a.go": file(tx+`"net/smtp"`, inside+"smtp.SendMail(a, nil, b, c, d) }")},
		"tls":                {"desk/billing/a.go": file(tx+`"crypto/tls"`, inside+"tls.Dial(a, b, nil) }")},
		"a dial":             {"desk/billing/a.go": file(tx+`"net"`, inside+"net.DialTimeout(a, b, c) }")},
		"a name asked for":   {"desk/billing/a.go": file(tx+`"net"`, inside+"net.LookupHost(a) }")},
		"a module's client":  {"desk/billing/a.go": file(tx+`gomail "github.com/wneessen/go-mail"`, inside+"gomail.NewClient(a) }")},
		"a module's version": {"desk/billing/a.go": file(tx+`"github.com/coreos/go-oidc/v3/oidc"`, inside+"oidc.NewProvider(a, b) }")},
		"the store renamed":  {"desk/billing/a.go": file(`db "loot/store"; "net/http"`, "func f(tx *db.Tx) { http.Get(a) }")},
		"the package's own": {
			"desk/billing/a.go": file(`"net/http"`, "type bank struct { line *http.Client }"),
			"desk/billing/b.go": file(`"loot/store"`, "func (b bank) f(tx *store.Tx) { b.line.Do(r) }"),
		},
		"and its variable": {
			"desk/billing/a.go": file(`"net/http"`, "var line = &http.Client{}"),
			"desk/billing/b.go": file(`"loot/store"`, inside+"line.Do(r) }"),
		},
	} {
		if len(talkBreaches(t, tree)) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
	for name, tree := range map[string]fstest.MapFS{
		"a handler":                    {"desk/billing/a.go": file(tx+`"net/http"; "net"`, "func f(w http.ResponseWriter, r *http.Request) { g(func(tx *store.Tx) { net.ParseIP(a); http.Error(w, b, http.StatusOK) }) }")},
		"apart":                        {"desk/billing/a.go": file(`"net/http"`, "func f() { http.Get(a) }"), "desk/billing/b.go": file(`"loot/store"`, inside+"}")},
		"a variable that is called so": {"desk/billing/a.go": file(tx+`"net/url"`, inside+"http.Get(a) }")},
	} {
		if breaches := talkBreaches(t, tree); len(breaches) > 0 {
			t.Errorf("%s: %v", name, breaches)
		}
	}
}

func talkBreaches(t *testing.T, tree fs.FS) (out []string) {
	t.Helper()
	holders := map[string]*ast.File{} // files that hold a transaction
	lines := map[string][]string{}    // what a package calls its clients
	walk(t, tree, func(path string, b []byte) {
		f := parse(t, path, b)
		names := imported(t, f)
		for _, n := range names["."] {
			if _, ok := clientsOf(n); ok {
				out = append(out, path+" imports "+n+" without a name, so that nobody sees what is called")
			}
		}
		talks := ""
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if what := reaches(names, n); what != "" {
					talks = what
				}
				if x, ok := n.X.(*ast.Ident); ok && n.Sel.Name == "Tx" && slices.Contains(names[x.Name], "loot/store") {
					holders[path] = f
				}
			case *ast.Field:
				if client(names, n.Type) {
					lines[filepath.Dir(path)] = append(lines[filepath.Dir(path)], namesOf(n.Names)...)
				}
			case *ast.ValueSpec:
				if client(names, n.Type) || slices.ContainsFunc(n.Values, func(v ast.Expr) bool { return client(names, v) }) {
					lines[filepath.Dir(path)] = append(lines[filepath.Dir(path)], namesOf(n.Names)...)
				}
			}
			return true
		})
		if holders[path] != nil && talks != "" {
			out = append(out, path+" holds a transaction and has "+talks)
		}
	}, ".go")
	for path, f := range holders {
		of, names := lines[filepath.Dir(path)], imported(t, f)
		ast.Inspect(f, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, plain := sel.X.(*ast.Ident)
			if plain && len(names[x.Name]) > 0 {
				return true
			}
			if slices.Contains(of, sel.Sel.Name) || plain && slices.Contains(of, x.Name) {
				out = append(out, path+" holds a transaction and reaches for the client "+sel.Sel.Name)
			}
			return true
		})
	}
	return out
}

// client reports whether an expression's own type is one of the network's: what
// a function takes or a structure holds is looked at by itself.
func client(names map[string][]string, e ast.Expr) (is bool) {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return reaches(names, e) != ""
	case *ast.StarExpr:
		return client(names, e.X)
	case *ast.UnaryExpr:
		return client(names, e.X)
	case *ast.CompositeLit:
		return client(names, e.Type)
	case *ast.ArrayType:
		return client(names, e.Elt)
	case *ast.MapType:
		return client(names, e.Value)
	case *ast.CallExpr:
		return client(names, e.Fun)
	}
	return false
}

// reaches returns the client's name that a selector is; empty: it is none.
func reaches(names map[string][]string, sel *ast.SelectorExpr) string {
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return ""
	}
	for _, path := range names[x.Name] {
		which, _ := clientsOf(path)
		for _, name := range which {
			begin, open := strings.CutSuffix(name, "*")
			if sel.Sel.Name == name || open && strings.HasPrefix(sel.Sel.Name, begin) {
				return path + "." + sel.Sel.Name
			}
		}
	}
	return ""
}

// clientsOf returns the clients' names in a package, or in the module that it
// is of.
func clientsOf(path string) ([]string, bool) {
	if names, ok := clients[path]; ok {
		return strings.Fields(names), true
	}
	for module, names := range clients {
		if names == "*" && strings.HasPrefix(path, module+"/") {
			return []string{"*"}, true
		}
	}
	return nil, false
}

// imported returns what each name in a file may stand for.
func imported(t *testing.T, f *ast.File) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(filepath.Base(path), "go-")
		if i.Name != nil {
			name = i.Name.Name
		}
		out[name] = append(out[name], path)
	}
	return out
}

func namesOf(ids []*ast.Ident) (out []string) {
	for _, id := range ids {
		out = append(out, id.Name)
	}
	return out
}

func parse(t *testing.T, path string, b []byte) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, b, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// persons are the names by which code reaches for somebody who is known: the
// vault of every desk's kit, and whom the kernel's operations about a person are
// about.
var persons = []string{"Vault", "Subject", "NewSubject", "SubjectFacet"}

// TestVisitsKnowNobody: no code of the visits' desk can ask about a person, so a
// visit cannot be joined with a customer.
func TestVisitsKnowNobody(t *testing.T) {
	for _, breach := range joins(t, os.DirFS(".")) {
		t.Error(breach)
	}
	for name, code := range map[string]string{
		"the vault of the kit":     "func (d *Visits) f() { d.Vault.Open() }",
		"and of the kit by name":   "func (d *Visits) f() { d.Kit.Vault.Open() }",
		"the name of a person":     "func (d *Visits) f(id string) { d.Gate.Person(ctx, tx, loot.Subject(id)) }",
		"one that is kept":         "type hit struct { who loot.Subject }",
		"an entry about a person":  "var e = ledger.Entry{Subject: &ledger.SubjectFacet{}}",
		"the person of a decision": "func f(r gate.Request) { r.Subject = x }",
	} {
		if len(joins(t, fstest.MapFS{"desk/visits/source/a.go": {Data: []byte("package p\n" + code)}})) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}

func joins(t *testing.T, tree fs.FS) (out []string) {
	t.Helper()
	walk(t, tree, func(path string, b []byte) {
		if !match("desk/visits", filepath.ToSlash(filepath.Dir(path))) {
			return
		}
		ast.Inspect(parse(t, path, b), func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && slices.Contains(persons, sel.Sel.Name) {
				out = append(out, path+" reaches for a person by "+sel.Sel.Name+"; visits have none")
			}
			return true
		})
	}, ".go")
	return out
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
