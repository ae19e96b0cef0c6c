package statement

import (
	"regexp"
	"slices"
	"strings"
)

var (
	tableLine = regexp.MustCompile(`^([a-z]+):\s*(#.*)?$`)
	entryLine = regexp.MustCompile(`^( +)["']?([A-Za-z0-9.-]+)["']?:`)
)

// textualNames returns what a text seems to declare, by its lines alone. Where
// a block cannot be read, as its fence or its YAML is broken, what it would have
// declared is not missing: only the block is wrong, not whatever speaks of it.
func textualNames(text string) map[string][]string {
	out := map[string][]string{}
	all, table, indent := tables(), "", 0
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(line, ">") // a block in a quotation
		if m := tableLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil && slices.Contains(all, m[1]) {
			table, indent = m[1], 0
			continue
		}
		m := entryLine.FindStringSubmatch(line)
		switch {
		case m == nil && strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " "):
			table = "" // the block is over
		case m == nil || table == "":
		case indent == 0 || len(m[1]) <= indent:
			indent = len(m[1])
			out[table] = append(out[table], m[2])
		}
	}
	return out
}
