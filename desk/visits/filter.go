package visits

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"loot"
	"loot/column"
)

// An Op is how a filter compares.
type Op string

// The comparisons. Is holds for any of the values, Not for none of them, and
// Contains where one of them is part of what is compared.
const (
	Is       Op = "is"
	Not      Op = "not"
	Contains Op = "contains"
)

// A Filter chooses visits by a dimension. One that differs within a visit
// chooses the visits in which it was so at least once, with all of their views.
type Filter struct {
	Dimension string
	Op        Op
	Values    []string
}

// The bounds of what is asked.
const (
	mostFilters = 4
	mostValues  = 50  // of a filter
	mostLength  = 500 // of a value, in characters
)

// ParseFilters reads filters as an address has them, each as the dimension, the
// comparison and the values: country:is:IE,DE. A comma or a backslash of a value
// stands behind a backslash.
func ParseFilters(texts []string) ([]Filter, error) {
	if len(texts) > mostFilters {
		return nil, loot.Errorf(loot.Invalid, "A report takes at most %d filters at once. Remove some.", mostFilters)
	}
	var out []Filter
	for _, text := range texts {
		name, rest, ok := strings.Cut(text, ":")
		op, values, also := strings.Cut(rest, ":")
		if !ok || !also {
			return nil, loot.Errorf(loot.Invalid, "A filter is written as dimension:comparison:value, such as country:is:IE.")
		}
		f := Filter{Dimension: name, Op: Op(op)}
		var value strings.Builder
		escaped := false
		for _, r := range []byte(values) {
			switch {
			case !escaped && r == '\\':
				escaped = true
				continue
			case !escaped && r == ',':
				f.Values = append(f.Values, value.String())
				value.Reset()
				continue
			}
			escaped = false
			value.WriteByte(r)
		}
		if escaped {
			return nil, loot.Errorf(loot.Invalid, "A filter ends with a backslash that escapes nothing. Write two for one.")
		}
		f.Values = append(f.Values, value.String())
		if err := f.check(); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

var escapeValue = strings.NewReplacer(`\`, `\\`, `,`, `\,`)

// String writes the filter as [ParseFilters] reads it.
func (f Filter) String() string {
	values := make([]string, len(f.Values))
	for i, v := range f.Values {
		values[i] = escapeValue.Replace(v)
	}
	return f.Dimension + ":" + string(f.Op) + ":" + strings.Join(values, ",")
}

func (f Filter) check() error {
	d, ok := findDimension(f.Dimension)
	switch {
	case !ok || d.Name == dimensions[0].Name:
		return loot.Errorf(loot.Invalid, "Reports are not filtered by a dimension of this name. Choose one of the panels'.")
	case f.Op != Is && f.Op != Not && f.Op != Contains:
		return loot.Errorf(loot.Invalid, "The filter by %s has an unknown comparison. Use is, not or contains.", d.Name)
	case len(f.Values) == 0 || len(f.Values) > mostValues:
		return loot.Errorf(loot.Invalid, "The filter by %s needs between 1 and %d values.", d.Name, mostValues)
	case d.programs() && (f.Op != Is || len(f.Values) > 1):
		return loot.Errorf(loot.Invalid, "The filter by %s takes one value, which it is.", d.Name)
	}
	for _, v := range f.Values {
		if !utf8.ValidString(v) || strings.Contains(v, "\x00") || utf8.RuneCountInString(v) > mostLength {
			return loot.Errorf(loot.Invalid, "A value of the filter by %s is longer than %d characters, or is no text.", d.Name, mostLength)
		}
	}
	return nil
}

// anyOf is what a form has for a filter by several values with commas between.
const anyOf = "any"

// typedFilter returns the filter that a person typed.
func typedFilter(by, how, what string) (Filter, error) {
	f := Filter{Dimension: by, Op: Op(how), Values: []string{strings.TrimSpace(what)}}
	if how == anyOf {
		f.Op, f.Values = Is, strings.Split(what, ",")
	}
	if f.Op != Contains {
		for i, v := range f.Values {
			f.Values[i] = valueOf(by, strings.TrimSpace(v))
		}
	}
	return f, f.check()
}

// typed writes the filter as a form has it.
func (f Filter) typed() (how, what string) {
	if len(f.Values) > 1 {
		return anyOf, strings.Join(f.Values, ", ")
	}
	return string(f.Op), strings.Join(f.Values, "")
}

// matches reports whether one of the values is compared with success, whatever
// is made of that. What is stored as a code contains what its name does.
func (f Filter) matches(value string) bool {
	name := namesOf(f.Dimension)[value]
	return slices.ContainsFunc(f.Values, func(v string) bool {
		if f.Op == Contains {
			return strings.Contains(value, v) || name != "" && strings.Contains(strings.ToLower(name), strings.ToLower(v))
		}
		return value == v
	})
}

// A chosen filter is one with the values that it stands for on each day.
type chosen struct {
	Filter
	dimension
	values []string
	days   map[column.Day]map[int]bool // of a value, by its place from 1
	asked  int                         // days that are asked about
}

// Several values of a dimension that differs within a visit may meet in one.
const several = 1 << 20

// choose finds what the filter stands for: values that a crowd had on that day.
// The others are as if they did not exist, so that a filter tells nothing of
// them; and as a sum over any of these values is made of crowds, two filters
// differ by crowds.
func choose(f Filter, days []*block) *chosen {
	d, _ := findDimension(f.Dimension)
	c := &chosen{Filter: f, dimension: d, days: map[column.Day]map[int]bool{}}
	of, asked := map[string]int64{}, map[column.Day]bool{}
	for _, b := range days {
		asked[b.points[0].Day] = true
		if p := b.panels[d.Name]; p != nil {
			for _, rows := range []map[string]Sum{p.rows, p.spare} {
				for v, s := range rows {
					if f.matches(v) {
						of[v] += s.Visitors
					}
				}
			}
		}
	}
	c.values, c.asked = mostOf(of, mostChosen), len(asked)
	for i, v := range c.values {
		for _, b := range days {
			p := b.panels[d.Name]
			if p == nil {
				continue
			}
			_, shown := p.rows[v]
			_, spare := p.spare[v]
			if shown || spare {
				c.allow(b.points[0].Day, i+1)
			}
		}
	}
	return c
}

// mostChosen bounds what a part of a value stands for: its most visited ones.
const mostChosen = 1000

func (c *chosen) allow(day column.Day, i int) {
	if c.days[day] == nil {
		c.days[day] = map[int]bool{}
	}
	c.days[day][i] = true
}

// with writes some of what is stored, by its columns, with the place of the value
// that each filter chose it by, 0 for none; and the same without some of those
// that not all of them chose.
func with(from facts, some string, columns func(prefix string) string, filters []*chosen, args *[]any) (coded, matched string) {
	names, inner, joins, matches, where := columns("b."), "", "", "", ""
	for i, c := range filters {
		n := strconv.Itoa(i)
		if c.byVisit() {
			join := " JOIN (" + c.visits(from, args) + ") AS p" + n + " ON p" + n + ".day = b.day AND p" + n + ".visit = b.visit"
			joins += " LEFT" + join
			if c.Op == Not {
				join = " LEFT" + join
			}
			matches += join
			names += ", coalesce(p" + n + ".place, 0) AS code" + n
			continue
		}
		inner += ", " + c.value + " AS value" + n
		if c.Op != Not && len(c.values) > 0 && len(c.values) <= fewValues {
			where += " AND " + c.value + " IN (" // the engine reads fewer rows
			for i := range c.values {
				where += "$" + strconv.Itoa(len(*args)+i+1) + ", "
			}
			where = strings.TrimSuffix(where, ", ") + ")"
		}
		place, join := c.place("b", "value"+n, "p"+n, args)
		joins += join
		matches += join
		names += ", " + place + " AS code" + n
	}
	coded = "SELECT " + names + " FROM (SELECT " + columns("") + inner + " FROM (" + some + ") AS every"
	return coded + ") AS b" + joins, coded + " WHERE 1 = 1" + where + ") AS b" + matches
}

// visits writes which visits a filter chooses, and by which value.
func (c *chosen) visits(of facts, args *[]any) string {
	where := c.where
	if where == "" {
		where = peoplesViews
	}
	from := "SELECT day, visit, visitor, " + c.value + " AS value FROM (" + of.rows + ") AS every WHERE " + where
	if c.Name == "exit" {
		from = "SELECT day, visit, visitor, path AS value FROM (SELECT day, visit, visitor, path, row_number() OVER (PARTITION BY day, visit ORDER BY nth DESC) AS back FROM (" +
			of.rows + ") AS every WHERE " + where + ") AS numbered WHERE back = 1"
	}
	if c.whole {
		from = "SELECT day, visit, visitor, " + c.value + " AS value FROM (" + wholeVisits(of.visits, "") + ") AS visits WHERE pages > 0"
	}
	place, join := c.place("v", "value", "t", args)
	return "SELECT day, visit, min(visitor) AS visitor, CASE WHEN min(place) = max(place) THEN min(place) ELSE " + strconv.Itoa(several) + " END AS place FROM (" +
		"SELECT v.day AS day, v.visit AS visit, v.visitor AS visitor, " + place + " AS place FROM (" + from + ") AS v" + join + ") AS had WHERE place > 0 GROUP BY day, visit"
}

// fewValues are compared one by one; more are joined.
const fewValues = 3

// place writes the place of a row's value, 0 where it is none of that day's, and
// what is to be joined for it.
func (c *chosen) place(row, value, as string, args *[]any) (place, join string) {
	if len(c.values) == 0 {
		return "CAST(0 AS BIGINT)", ""
	}
	if len(c.values) <= fewValues {
		place = "CASE"
		for i, v := range c.values {
			*args = append(*args, v)
			place += " WHEN " + row + "." + value + " = $" + strconv.Itoa(len(*args)) + " AND " + c.on(i+1, row+".day") + " THEN CAST(" + strconv.Itoa(i+1) + " AS BIGINT)"
		}
		return place + " ELSE 0 END", ""
	}
	at := "coalesce(" + as + ".place, 0)"
	return "CASE WHEN " + c.allowed(at, row+".day") + " THEN " + at + " ELSE 0 END",
		" LEFT JOIN (" + c.table(args) + ") AS " + as + "(value, place) ON " + as + ".value = " + row + "." + value
}

// on writes the condition that a day is one on which a value counts.
func (c *chosen) on(place int, day string) string {
	days := slices.Sorted(maps.Keys(c.days))
	return onDays(day, slices.DeleteFunc(days, func(d column.Day) bool { return !c.days[d][place] }))
}

// onDays writes the condition that a day is one of some.
func onDays(day string, days []column.Day) string {
	slices.Sort(days)
	runs := []string{"1 = 0"}
	for len(days) > 0 {
		n := 1
		for n < len(days) && days[n] == days[n-1]+1 {
			n++
		}
		runs = append(runs, day+" BETWEEN "+strconv.Itoa(int(days[0]))+" AND "+strconv.Itoa(int(days[n-1])))
		days = days[n:]
	}
	return "(" + strings.Join(runs, " OR ") + ")"
}

// table writes the values with their places.
func (c *chosen) table(args *[]any) string {
	parts := make([]string, len(c.values))
	for i, v := range c.values {
		*args = append(*args, v)
		parts[i] = "(CAST($" + strconv.Itoa(len(*args)) + " AS VARCHAR), CAST(" + strconv.Itoa(i+1) + " AS BIGINT))"
	}
	return "VALUES " + strings.Join(parts, ", ")
}

// allowed writes the condition that a place is one of that day's.
func (c *chosen) allowed(place, day string) string {
	always, some := []string{"-1"}, []string{"-1"}
	for p := 1; p <= len(c.values); p++ {
		var on []string
		for d, places := range c.days {
			if places[p] {
				on = append(on, strconv.FormatInt(int64(p)*dayRange+int64(d), 10))
			}
		}
		if len(on) == c.asked { // which most values are that many have, and shortens the query
			always = append(always, strconv.Itoa(p))
			continue
		}
		slices.Sort(on)
		some = append(some, on...)
	}
	return "(" + place + " IN (" + strings.Join(always, ", ") + ") OR " + place + " * " + strconv.Itoa(dayRange) + " + " + day + " IN (" + strings.Join(some, ", ") + "))"
}

const dayRange = 1_000_000 // more than there are days

// byVisit reports whether the filter chooses visits by one of their rows.
func (c *chosen) byVisit() bool { return c.varies || c.whole || c.Name == "exit" }

// several reports whether it stands for more than one value on some day.
func (c *chosen) several() bool {
	for _, places := range c.days {
		if len(places) > 1 {
			return true
		}
	}
	return false
}

// holds writes the condition that the filter chooses a row.
func (c *chosen) holds(i int) string {
	if c.Op == Not {
		return "code" + strconv.Itoa(i) + " = 0"
	}
	return "code" + strconv.Itoa(i) + " > 0"
}

// group writes the bit of a row that the filter chooses.
func (c *chosen) group(i int) string {
	return "CASE WHEN " + c.holds(i) + " THEN " + strconv.Itoa(1<<i) + " ELSE 0 END"
}
