package statement

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"loot"
)

// base is a sound statement; a test puts what it is about in the place of a
// line of it.
const base = `---
version: "1"
title: Test
controller: {name: Test, address: Here, email: a@b.example}
contact: a@b.example
effective: 2026-01-01
notice_days: 30
key_days: 90
regions: [eu, other]
---

# Statement

## Chapter

### First {#a.first}

Prose of the first.

` + "```yaml" + `
purposes:
  service: {title: Service, why: Because., basis: contract, retain: 1y}
levels:
  1: {title: Open}
categories:
  contact: {title: Contact, level: 1}
collections:
  customer: {title: Customers, identifying: true, purposes: [service]}
fields:
  contact.email: {title: E-mail, category: contact, collections: [customer], needed: {service: None.}}
roles:
  support: {title: Support, purposes: [service]}
` + "```" + `

### Second {#a.second}

Prose of the second.

` + "```cedar" + `
permit (principal is Staff, action == Action::"find", resource)
when { context.purpose == Purpose::"service" };
` + "```" + `
`

// Where the lines of base are.
const (
	proseLine   = 18 // "Prose of the first."
	yamlLine    = 20 // the fence
	cedarLine   = 40 // "permit ("
	lastLine    = 42 // the closing fence
	secondLine  = 35 // the heading
	purposeLine = 22 // "  service: "
)

func TestBaseIsSound(t *testing.T) {
	s, err := parse("base.md", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(base, "\n")
	for n, want := range map[int]string{proseLine: "Prose of the first.", yamlLine: "```yaml", cedarLine: "permit (", lastLine: "```", secondLine: "### Second", purposeLine: "  service:"} {
		if !strings.HasPrefix(lines[n-1], want) {
			t.Errorf("line %d is %q, want %q", n, lines[n-1], want)
		}
	}
	if c, _ := s.Clause("a.second"); c.Title != "Second" || c.Chapter != "Chapter" || c.Prose != "Prose of the second." || c.HTML != "<p>Prose of the second.</p>" || c.Line != secondLine {
		t.Errorf("got %+v", c)
	}
}

// What stands on /ledger may stand in the front matter, and nothing may.
func TestTheKeyOfALog(t *testing.T) {
	for _, key := range []string{`""`, "loot.example/ledger+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"} {
		if _, err := parse("base.md", []byte(inFront("version: \"1\"\nlog_key: "+key))); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// swap puts other text in the place of old, which base has once.
func swap(old, with string) string {
	if strings.Count(base, old) != 1 {
		panic(fmt.Sprintf("base has %q %d times", old, strings.Count(base, old)))
	}
	return strings.Replace(base, old, with, 1)
}

func inFront(line string) string { return swap("version: \"1\"\n", line+"\n") }
func inProse(text string) string { return swap("Prose of the first.", text) }
func inYAML(text string) string  { return swap("roles:\n", text+"\nroles:\n") }
func inCedar(text string) string {
	return swap("permit (principal is Staff, action == Action::\"find\", resource)\nwhen { context.purpose == Purpose::\"service\" };", text)
}

// when puts a condition into the one rule of base.
func when(text string) string {
	return swap(`context.purpose == Purpose::"service" }`, text+" }")
}

func TestProblems(t *testing.T) {
	const at = cedarLine
	tests := []struct {
		name, src string
		line, col int
		clause    loot.Clause
		want      string
	}{
		// the file
		{"empty", "", 1, 1, "", "The statement is empty."},
		{"blank", " \n\t\n", 1, 1, "", "The statement is empty."},
		{"no UTF-8", strings.Replace(base, "Prose of the first", "Prose \xff", 1), proseLine, 1, "", "The text is not UTF-8."},
		{"too large", strings.Repeat("x", maxSource+1), 1, 1, "", "larger than"},
		{"control character", inProse("a\x00b"), proseLine, 2, "", "U+0000"},
		{"old line ends", inProse("a\rb"), proseLine, 2, "", "U+000D"},
		{"text that runs backwards", inProse("a \u202etxet"), proseLine, 3, "", "U+202E"},
		{"text without width", when("context.purpose == Purpose::\"ser\u200bvice\""), at + 1, 40, "", "U+200B"},
		{"line separator", inProse("a\u2028b"), proseLine, 2, "", "U+2028"},
		// the front matter
		{"no front matter", "# Title\n", 1, 1, "", "must begin with its front matter"},
		{"front matter open", "---\nversion: 1\n", 1, 1, "", "not closed"},
		{"front matter empty", "---\n---\n", 1, 1, "", "The front matter is empty."},
		{"front matter no YAML", inFront("version: [1"), 3, 6, "", "YAML:"},
		{"front matter unknown key", inFront("version: \"1\"\nverson: 1"), 3, 1, "", `Unknown key "verson" (did you mean version?).`},
		{"front matter number for text", inFront("version: 1"), 2, 10, "", "Here stands text"},
		{"front matter without a key", inFront(""), 3, 1, "", `The key "version" is missing.`},
		{"front matter wrong date", swap("effective: 2026-01-01", "effective: 2026-02-30"), 6, 12, "", "a date such as"},
		{"front matter without other", swap("regions: [eu, other]", "regions: [eu]"), 2, 1, "", "one called other"},
		{"front matter region twice", swap("regions: [eu, other]", "regions: [eu, other, eu]"), 9, 22, "", "twice"},
		{"key of a log that is none", inFront("version: \"1\"\nlog_key: rubbish"), 3, 10, "", "Here stands the verifier key of a ledger"},
		{"key of a log in another form", inFront("version: \"1\"\nlog_key: loot.example/ledger+0123abcd+AXYZ"), 3, 10, "", "Here stands the verifier key of a ledger"},
		{"links of another kind", swap("regions: [eu, other]", "regions: [eu, other]\nlinks: maybe"), 10, 8, "", "one of direct, notice"},
		// Markdown that passes for something else
		{"raw HTML", inProse("a <b>bold</b> word"), proseLine, 1, "", "Raw HTML"},
		{"HTML block", inProse("<div>\nx\n</div>"), proseLine, 1, "", "Raw HTML"},
		{"hidden rule in a comment", inProse("<!--\n```cedar\npermit (principal, action, resource);\n```\n-->"), proseLine, 1, "", "Raw HTML"},
		{"picture", inProse("![x](https://elsewhere.example/x.png)"), proseLine, 1, "", "no pictures"},
		{"script link", inProse("[x](javascript:alert)"), proseLine, 1, "", "A link leads to"},
		{"plain link", inProse("[x](http://elsewhere.example)"), proseLine, 1, "", "A link leads to"},
		{"link to another host", inProse("[x](//elsewhere.example)"), proseLine, 1, "", "A link leads to"},
		{"link to nowhere", inProse("[x](https://)"), proseLine, 1, "", "A link leads to"},
		{"link that cannot be read", inProse("[x](https://elsewhere.example:port)"), proseLine, 1, "", "A link leads to"},
		{"automatic link", inProse("<ftp://elsewhere.example>"), proseLine, 1, "", "A link leads to"},
		{"link definition", inProse("[x]: https://elsewhere.example"), proseLine, 1, "", "not in a definition"},
		{"indented code", inProse("    permit (principal, action, resource);"), proseLine, 1, "", "indented by four spaces"},
		{"block in a list", inProse("- x\n\n  ```cedar\n  permit (principal, action, resource);\n  ```"), proseLine + 3, 1, "", "inside a list or a quotation"},
		{"block in a quotation", inProse("> ```cedar\n> permit (principal, action, resource);\n> ```"), proseLine + 1, 1, "", "inside a list or a quotation"},
		{"block in capitals", inProse("```Cedar\npermit (principal, action, resource);\n```"), proseLine, 1, "a.first", "in exactly these letters"},
		{"block of another kind", inProse("```json\n{}\n```"), proseLine, 1, "a.first", "in exactly these letters"},
		{"block with more words", inProse("```cedar now\npermit (principal, action, resource);\n```"), proseLine, 1, "a.first", "in exactly these letters"},
		{"block of no kind", inProse("```\npermit (principal, action, resource);\n```"), proseLine, 1, "a.first", "in exactly these letters"},
		{"indented block", inProse("  ```cedar\n  permit (principal, action, resource);\n  ```"), proseLine, 1, "a.first", "at the start of the line"},
		{"block left open", strings.TrimSuffix(base, "```\n"), cedarLine - 1, 1, "a.second", "not closed"},
		{"block closed by a list", inProse("```yaml\nstatus: planned\n  ```"), proseLine, 1, "a.first", "not closed"},
		{"block swallows a clause", swap("support: {title: Support, purposes: [service]}\n```\n", "support: {title: Support, purposes: [service]}\n"), secondLine - 1, 1, "a.first", "is the block above not closed?"},
		{"empty block", inProse("```cedar\n```"), proseLine, 1, "a.first", "The block is empty."},
		{"block of comments", inCedar("// nothing"), at, 1, "a.second", "holds no rule"},
		{"YAML of comments", inProse("```yaml\n# nothing\n```"), proseLine + 1, 1, "a.first", ""},
		{"code on one line", inProse("```cedar permit (principal, action, resource); ```"), proseLine, 1, "", "looks like a fenced block"},
		{"block before a clause", swap("### First", "```cedar\npermit (principal, action, resource);\n```\n\n### First"), 16, 1, "", "outside a clause"},
		{"clause without an id", swap("### Second {#a.second}", "### Second"), secondLine, 1, "", "written as ### Title {#id}"},
		{"clause with two ids", swap("{#a.second}", "{#a b}"), secondLine, 1, "", "written as ### Title {#id}"},
		{"clause with a class", swap("{#a.second}", "{#a.second .x}"), secondLine, 1, "", "written as ### Title {#id}"},
		{"clause with capitals", swap("{#a.second}", "{#A.second}"), secondLine, 14, "", "is no clause id"},
		{"clause twice", swap("{#a.second}", "{#a.first}"), secondLine, 14, "a.first", "already on line 16"},
		{"clause without a space", swap("### Second {#a.second}", "###Second {#a.second}"), secondLine, 1, "", "looks like a heading"},
		{"clause in a quotation", swap("### Second {#a.second}", "> ### Second {#a.second}"), secondLine, 1, "", "inside a list or a quotation"},
		{"clause in a list", swap("### Second {#a.second}", "- ### Second {#a.second}"), secondLine, 1, "", "inside a list or a quotation"},
		{"clause one level down", swap("### Second {#a.second}", "#### Second {#a.second}"), secondLine, 1, "", "only a clause (###) has an id"},
		{"clause indented", swap("### Second {#a.second}", " ### Second {#a.second}"), secondLine, 1, "", "Write a heading as"},
		{"clause underlined", swap("### Second {#a.second}", "Second {#a.second}\n---"), secondLine, 1, "", "not underlined"},
		{"id in prose", inProse("See {#a.second}."), proseLine, 5, "", "looks like the id of a clause"},
		{"subheading with an id", inProse("#### Sub {#sub}"), proseLine, 1, "a.first", "only a clause (###) has an id"},
		{"beyond reason in the second clause", swap("Prose of the second.", strings.Repeat("> ", 20)+"x"), secondLine + 2, 1, "a.second", "nested too deeply"},
		{"prose over a line is a heading", inProse("Prose.\n---"), proseLine, 1, "", "not underlined"},
		{"chapter with an id", swap("## Chapter", "## Chapter {#c}"), 14, 1, "", "only a clause (###) has an id"},
		{"no chapter", swap("## Chapter\n\n", ""), 14, 13, "a.first", "before the first chapter"},
		{"two titles", swap("## Chapter", "# Again\n\n## Chapter"), 14, 1, "", "one title"},
		{"nested beyond reason", inProse(strings.Repeat("> ", 20) + "x"), proseLine, 1, "", "nested too deeply"},
		// declarations
		{"unknown table", inYAML("rolls: {}"), 31, 1, "a.first", `Unknown key "rolls" (did you mean roles?).`},
		{"unknown key", swap("title: Service,", "titel: Service,"), purposeLine, 13, "a.first", `Unknown key "titel" (did you mean title?).`},
		{"missing key", swap("basis: contract, ", ""), purposeLine, 12, "a.first", `The key "basis" is missing.`},
		{"unknown word", swap("basis: contract", "basis: whim"), purposeLine, 51, "a.first", "one of contract, duty, permission, interest"},
		{"wrong span", swap("retain: 1y", "retain: 1 year"), purposeLine, 69, "a.first", "a length of time"},
		{"list for text", swap("title: Service,", "title: [Service],"), purposeLine, 20, "a.first", "not a list or a table"},
		{"text for a list", swap("purposes: [service]}\n"+"fields", "purposes: service}\n"+"fields"), 28, 61, "a.first", "a list"},
		{"empty list", swap("collections: [customer]", "collections: []"), 30, 66, "a.first", "The list is empty."},
		{"table for a list", inYAML("topics: [a]"), 31, 9, "a.first", "a table"},
		{"id with capitals", inYAML("topics: {Big: {title: Big}}"), 31, 10, "a.first", "is no name"},
		{"declared twice", inYAML("topics: {a: {title: A}, a: {title: B}}"), 31, 25, "a.first", "twice"},
		{"declared in two blocks", inCedar("permit (principal is Staff, action == Action::\"find\", resource);\n```\n\n```yaml\nroles: {support: {title: Again}}"), 44, 9, "a.second", "already declared on line 32"},
		{"table twice", inYAML("roles: {x: {title: X}}"), 32, 1, "a.first", "twice"},
		{"unknown purpose", swap("needed: {service: None.}", "needed: {servise: None.}"), 30, 87, "a.first", `There is no purpose "servise" (did you mean service?).`},
		{"unknown collection", swap("collections: [customer]", "collections: [client]"), 30, 67, "a.first", `There is no collection "client".`},
		{"unknown category", swap("category: contact", "category: contakt"), 30, 44, "a.first", `did you mean contact?`},
		{"looked at again soon", inYAML("checks: {contact: {again: soon}}"), 31, 27, "a.first", `Here stands a length of time such as 10y, 18m or 30d, not "soon".`},
		{"looked at again at once", inYAML("checks: {contact: {again: 0d}}"), 31, 10, "a.first", "Details of the category contact cannot be looked at again at once"},
		{"looked at again at no time", inYAML("checks: {contact: {}}"), 31, 19, "a.first", `The key "again" is missing.`},
		{"an unknown category is looked at again", inYAML("checks: {contakt: {again: 1y}}"), 31, 10, "a.first", `There is no category "contakt" (did you mean contact?).`},
		{"unknown level", swap("level: 1}", "level: 2}"), 26, 3, "a.first", "There is no level 2."},
		{"unknown region", inYAML("signals: {gpc: {us: honour, other: none}}"), 31, 17, "a.first", `There is no region "us"`},
		{"no answer for a region", strings.Replace(inYAML("signals: {gpc: {eu: honour}}"), "[eu, other]", "[eu, us, other]", 1), 31, 11, "a.first", "no answer to gpc for the region us"},
		{"identifies where it may not", strings.Replace(swap("identifying: true, ", ""), "needed: {service", "identifying: true, needed: {service", 1), 30, 3, "a.first", "but the collection customer does not"},
		{"needed for what the collection is not for", strings.Replace(inYAML("topics: {x: {title: X}}"), "needed: {service: None.}", "needed: {service: None., other: None.}", 1), 30, 103, "a.first", "There is no purpose \"other\""},
		{"a duty without a law", swap("basis: contract", "basis: duty"), purposeLine, 3, "a.first", "names the law"},
		{"a reserved purpose", swap("  service: {", "  undeclared: {title: X, why: X., basis: contract}\n  service: {"), purposeLine, 3, "a.first", "is kept for items"},
		{"looked up without identifying", swap("needed: {service: None.}", "index: true, needed: {service: None.}"), 30, 3, "a.first", "so it identifies"},
		{"approves and administers", swap("purposes: [service]}\n```", "approves: true, administers: true}\n```"), 32, 3, "a.first", "nobody may do both"},
		{"an authority that cooperates", inYAML("recipients: {x: {title: X, kind: court, cooperation: [service]}}"), 31, 14, "a.first", "Only a partner cooperates"},
		{"a permission for a contract", inYAML("permissions: {x: {title: X, purpose: service, recipient: self}}"), 31, 15, "a.first", "cannot be permitted or not"},
		{"anchor", swap("title: Support", "title: &a Support"), 32, 20, "a.first", "Anchors"},
		{"alias", inYAML("topics: {a: {title: &t A}, b: {title: *t}}"), 31, 21, "a.first", "Anchors"},
		{"tag", swap("title: Support", "title: !!str Support"), 32, 20, "a.first", "Tags"},
		{"two documents", swap("roles:\n", "---\nroles:\n"), 0, 0, "a.first", "YAML"},
		{"merge key", inYAML("topics: {<<: {a: {title: A}}}"), 31, 10, "a.first", "is no name"},
		{"tab", inYAML("topics:\n\ta: {title: A}"), 0, 0, "a.first", "YAML"},
		{"status of another kind", inYAML("status: done"), 31, 9, "a.first", "one of planned"},
		{"status twice", inYAML("status: planned\n```\n\n```yaml\nstatus: planned"), 35, 9, "a.first", "said twice"},
		{"norule beside a rule", inCedar("permit (principal is Staff, action == Action::\"find\", resource);\n```\n\n```yaml\nnorule: Because."), secondLine, 1, "a.second", "says norule and has a rule"},
		{"country in words", inYAML("recipients: {x: {title: X, kind: partner, country: France}}"), 31, 52, "a.first", "two capital letters"},
		{"a term of no vocabulary", swap("basis: contract", "dpv: Service, basis: contract"), purposeLine, 49, "a.first", "a term such as"},
		// rules
		{"no Cedar", inCedar("permit this"), at, 8, "a.second", "cannot be read"},
		{"no semicolon", inCedar("permit (principal, action, resource)"), at, 0, "a.second", "cannot be read"},
		{"error in the second", inCedar("permit (principal is Staff, action == Action::\"find\", resource);\n\n  permit (principol, action, resource);"), at + 2, 11, "a.second", "cannot be read"},
		{"annotation twice", inCedar("@notify(\"subject\")\n@notify(\"subject\")\npermit (principal, action, resource);"), 0, 0, "a.second", "duplicate annotation"},
		{"unknown attribute", when("context.porpose == Purpose::\"service\""), at, 1, "a.second", "does not fit the schema"},
		{"unknown action", inCedar("permit (principal is Staff, action == Action::\"look\", resource);"), at, 1, "a.second", "does not fit the schema"},
		{"action of another actor", inCedar("permit (principal is Visitor, action == Action::\"use\", resource);"), at, 1, "a.second", "does not fit the schema"},
		{"no guard", when("context.case == \"abuse\" && context.purpose == Purpose::\"service\""), at, 1, "a.second", "does not fit the schema"},
		{"no guard of a tag", when("resource.subject.getTag(\"self\").contains(context.purpose)"), at, 1, "a.second", "does not fit the schema"},
		{"wrong element", when("resource.purposes.contains(\"service\")"), at, 1, "a.second", "does not fit the schema"},
		{"unknown purpose in a rule", when("context.purpose == Purpose::\"servise\""), at + 1, 27, "a.second", `There is no purpose "servise" (did you mean service?).`},
		{"unknown purpose in a list", when("[Purpose::\"service\", Purpose::\"x\"].contains(context.purpose)"), at + 1, 29, "a.second", `There is no purpose "x".`},
		{"unknown collection in a head", inCedar("permit (principal is Staff, action == Action::\"find\", resource in Collection::\"client\");"), at, 67, "a.second", `There is no collection "client".`},
		{"unknown desk", inCedar("permit (principal == Desk::\"attic\", action == Action::\"find\", resource);"), at, 22, "a.second", `There is no desk "attic".`},
		{"unknown role", when("principal.roles.contains(Role::\"sipport\")"), at + 1, 33, "a.second", `There is no role "sipport" (did you mean support?).`},
		{"unknown recipient", when("resource.subject.hasTag(\"acme\")"), at + 1, 32, "a.second", `There is no recipient "acme".`},
		{"unknown sender", inCedar("forbid (principal, action == Action::\"contact\", resource)\nwhen { context.sender == \"acme\" };"), at + 1, 26, "a.second", `There is no sender "acme".`},
		{"one single person", when("resource.subject == Person::\"subject\""), at + 1, 28, "a.second", "never of one single person"},
		{"one single record", inCedar("permit (principal is Staff, action == Action::\"find\", resource == Record::\"record\");"), at, 67, "a.second", "never of one single record"},
		{"the purpose of what is not declared", when("context.purpose == Purpose::\"undeclared\""), at + 1, 27, "a.second", "is no purpose"},
		{"unknown annotation", inCedar("@notfiy(\"subject\")\npermit (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "The annotation @notfiy is not known (did you mean notify?)."},
		{"notify nobody", inCedar("@notify(\"mum\")\npermit (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "takes subject, everyone, regulator"},
		{"mask of another kind", inCedar("@mask(\"none\")\npermit (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "@mask takes"},
		{"approvals in words", inCedar("@approvals(\"two\")\npermit (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "a number from 1 to 9"},
		{"delay of another kind", inCedar("@delay(\"week\")\npermit (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "@delay takes gag"},
		{"obligation on a forbid", inCedar("@notify(\"subject\")\nforbid (principal is Staff, action == Action::\"find\", resource);"), at, 1, "a.second", "stands on a permit"},
		{"approvals said twice", inCedar("@approvals(\"2\")\npermit (principal is Staff, action == Action::\"find\", resource)\nwhen { context.approvals >= 2 };"), at, 1, "a.second", "says it twice"},
		{"approvals for a cookie", inCedar("@approvals(\"2\")\npermit (principal, action == Action::\"store\", resource);"), at, 1, "a.second", "does not apply"},
		{"needs of a condition that is not there", inCedar("@needs2(\"x\")\npermit (principal is Staff, action == Action::\"find\", resource)\nwhen { resource.verified };"), at, 1, "a.second", "speaks of condition 2, but the rule has 1"},
		{"needs nothing", inCedar("@needs1(\" \")\npermit (principal is Staff, action == Action::\"find\", resource)\nwhen { resource.verified };"), at, 1, "a.second", "says nothing"},
		{"rule without end", inCedar("permit (principal is Staff, action == Action::\"find\", resource)\nwhen { " + strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100) + " };"), at, 1, "a.second", "nested too deeply"},
		{"rule of many pages", inCedar("permit (principal is Staff, action == Action::\"find\", resource)\nwhen { resource.verified" + strings.Repeat("\n|| resource.verified", 1000) + " };"), at, 1, "a.second", "longer than"},
		{"text without end", inCedar("permit (principal is Staff, action == Action::\"find, resource);"), at, 0, "a.second", "cannot be read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse("base.md", []byte(test.src))
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			for _, p := range problems {
				if before, _, _ := strings.Cut(base, "Prose of the first."); p.Line == proseLine && strings.HasPrefix(test.src, before) && p.Clause != "a.first" {
					t.Errorf("in the prose of a.first, and said of %q: %s", p.Clause, p)
				}
			}
			for _, p := range problems {
				if strings.Contains(p.Text, test.want) && (test.line == 0 || p.Line == test.line) && (test.col == 0 || p.Col == test.col) && (test.clause == "" || p.Clause == test.clause) && p.File == "base.md" {
					return
				}
			}
			t.Errorf("want %d:%d %s %q, got\n%v", test.line, test.col, test.clause, test.want, problems)
		})
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	src := swap("basis: contract", "basis: whim")
	src = strings.Replace(src, "Prose of the second.", "A <b>bold</b> word.", 1)
	src = strings.Replace(src, `Purpose::"service" };`, `Purpose::"servise" };`, 1)
	src = strings.Replace(src, "key_days: 90", "key_days: no", 1)
	src = strings.Replace(src, "permit (principal is Staff", "forbid (principal, action, recource);\n\npermit (principal is Staff", 1)
	_, err := Parse("base.md", []byte(src))
	var lines []int
	problems, _ := errors.AsType[Problems](err)
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if got, want := fmt.Sprint(lines), "[8 22 37 40 43]"; got != want {
		t.Errorf("got problems on lines %s, want %s:\n%v", got, want, err)
	}
	if loot.KindOf(err) != loot.Invalid {
		t.Errorf("got kind %v, want invalid", loot.KindOf(err))
	}
}

func TestWindowsLineEndsAndUmlautsKeepPositions(t *testing.T) {
	src := strings.ReplaceAll(swap("Prose of the first.", "Größe – naïve “quotes” 日本語."), "\n", "\r\n")
	s, err := Parse("base.md", append([]byte("\xef\xbb\xbf"), src...))
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := s.Rule("a.second#1"); r.Line != cedarLine || r.Col != 1 || strings.Contains(r.Text, "\r") {
		t.Errorf("got %+v", r)
	}
	if c, _ := s.Clause("a.first"); c.HTML != "<p>Größe – naïve “quotes” 日本語.</p>" {
		t.Errorf("got %q", c.HTML)
	}
	src = strings.Replace(src, `Purpose::"service" }`, `Purpose::"servise" /* */ }`, 1)
	if _, err := Parse("base.md", []byte(src)); err == nil || !strings.HasPrefix(err.Error(), "base.md:41:") {
		t.Errorf("got %v", err)
	}
}

func TestRulesKnowTheirPlace(t *testing.T) {
	for name, src := range map[string][]byte{"full.md": read1(t, "full.md"), "statement.md": Default()} {
		s, err := parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(src), "\n")
		for _, r := range s.rules {
			line := string([]rune(lines[r.Line-1])[r.Col-1:])
			switch {
			case r.Generated:
				_, id, _ := strings.Cut(r.decls[0], " ")
				if !strings.HasPrefix(line, id+":") {
					t.Errorf("%s %s: line %d is %q, want %q", name, r.ID, r.Line, line, id)
				}
			case !strings.HasPrefix(line, "@") && !strings.HasPrefix(line, "permit") && !strings.HasPrefix(line, "forbid"):
				t.Errorf("%s %s: line %d column %d is %q", name, r.ID, r.Line, r.Col, line)
			}
		}
	}
}

func TestHashIsOfTheFile(t *testing.T) {
	a, err := Parse("a.md", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse("b.md", []byte(base+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Hash() == b.Hash() || len(a.Hash()) != 64 || string(a.Source()) != base {
		t.Errorf("got %s and %s", a.Hash(), b.Hash())
	}
}

func TestSpan(t *testing.T) {
	from := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{"10y": "2034-03-01", "18m": "2025-08-29", "30d": "2024-03-30", "0d": "2024-02-29"} {
		s, err := ParseSpan(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.After(from).Format(time.DateOnly); got != want {
			t.Errorf("%s after %v: got %s, want %s", text, from, got, want)
		}
		for day := range 366 {
			begins := from.AddDate(0, 0, day)
			if ends := s.After(begins); !begins.Before(s.AboutBefore(ends)) || s.AboutBefore(ends).Sub(begins) > 6*24*time.Hour {
				t.Errorf("%s from %v on, and about before %v", text, begins, s.AboutBefore(ends))
			}
		}
		if s.Duration() < s.After(from).Sub(from) {
			t.Errorf("%s: the duration is shorter than the calendar", text)
		}
		if s.String() != text {
			t.Errorf("%s is written %s", text, s)
		}
	}
	for _, text := range []string{"", "y", "1000d", "-1d", "1.5y", "1w", "1y6m", " 1y"} {
		if s, err := ParseSpan(text); err == nil {
			t.Errorf("%q is read as %v", text, s)
		}
	}
}
