package ledger

import (
	"crypto/sha256"
	_ "embed" // the verifier
	"encoding/hex"
	"html"
	"strings"
)

// The verifier is a page that checks receipts in the reader's own browser. It
// is one file, so that it can be kept and used without us.
//
//go:embed verifier/page.html
var verifierPage string

//go:embed verifier/page.css
var verifierStyle string

//go:embed verifier/check.js
var verifierCheck string

//go:embed verifier/page.js
var verifierShow string

// verifierScript is what the page runs: the two files without what only helps
// who works on them.
var verifierScript = packed(verifierCheck + verifierShow)

// closer leaves out the spaces round what the files use between two words.
var closer = strings.NewReplacer(" = ", "=", " => ", "=>", " === ", "===", " !== ", "!==", " + ", "+", " && ", "&&", " || ", "||", " ? ", "?", " : ", ":", ", ", ",", " {", "{", ") ", ")")

// packed leaves out comments, indentation, and the spaces and line ends that
// a script can do without. It takes what stands between two apostrophes for a
// text, and leaves it alone; a pattern is packed like code, so its spaces are
// written \x20.
func packed(script string) string {
	var b strings.Builder
	for line := range strings.Lines(script) {
		if line = strings.TrimLeft(line, "\t"); line == "\n" || strings.HasPrefix(line, "//") {
			continue
		}
		for i, part := range strings.Split(line, "'") {
			if i%2 == 0 {
				part = closer.Replace(part)
			} else {
				part = "'" + part + "'"
			}
			b.WriteString(part)
		}
	}
	return strings.NewReplacer("{\n", "{", ";\n", ";", ",\n", ",", "\n}", "}").Replace(b.String())
}

// VerifierCSP is the policy under which the verifier runs: its own script and
// style, and nothing else, so that it can neither load nor send anything. The
// page states it itself; a server that serves it sends it too.
var VerifierCSP = "default-src 'none'; script-src " + sourceHash(verifierScript) +
	"; style-src " + sourceHash(verifierStyle) + "; base-uri 'none'; form-action 'none'"

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + b64.EncodeToString(sum[:]) + "'"
}

// VerifierPage returns the page that checks receipts, with the key of the log
// that it should trust, and the page's own SHA-256 in hex, for publishing.
// With an empty key the page says that it has none.
func VerifierPage(key string) (page []byte, sum string) {
	text := strings.NewReplacer(
		"@CSP@", html.EscapeString(VerifierCSP), "@KEY@", html.EscapeString(key),
		"@STYLE@", verifierStyle, "@SCRIPT@", verifierScript,
	).Replace(verifierPage)
	h := sha256.Sum256([]byte(text))
	return []byte(text), hex.EncodeToString(h[:])
}
