package web

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"loot"
)

// A Field is one input of a form, with what was typed and what is wrong.
type Field struct {
	Name  string
	Label string
	Hint  string // how to fill it in
	Why   string // which purpose needs it, and what cannot be done without it
	Also  string // id of something else on the page that describes it
	Error string

	// Type is text (the default), email, tel, url, number, date, time,
	// password, search, file, hidden, textarea, select, radio, checkbox (one
	// yes or no) or checkboxes (several of the options).
	Type    string
	Value   string
	Values  []string // of checkboxes
	Options []Option

	Required     bool
	ReadOnly     bool
	Autofocus    bool
	Wide         bool   // takes the whole width of the form
	Plain        bool   // says neither "required" nor "optional", as a search does
	Autocomplete string // such as "email" or "organization"; empty: "off"
	InputMode    string
	Placeholder  string
	Pattern      string
	Min, Max     string
	Step         string
	MaxLen       int
	Rows         int
	Accept       string // of a file
	Prefix       string // stands before the input, such as "€"
	Suffix       string // stands behind it, such as "days"
	Form         string // tells it from the field of the same name in another form of the page
}

// An Option is one choice of a Field.
type Option struct {
	Value, Label, Hint string
	Group              string // options of one group, one after another, stand under its name
	Disabled           bool
}

// Choose stands first in a list in which nothing is chosen beforehand.
var Choose = Option{Label: "Choose…"}

// ID returns the id of the input.
func (f Field) ID() string {
	if f.Form != "" {
		return "f-" + f.Form + "-" + f.Name
	}
	return "f-" + f.Name
}

// Describes returns the ids of what describes the input, for a screen reader.
func (f Field) Describes() string {
	var ids []string
	for _, part := range []struct{ suffix, text string }{{"-error", f.Error}, {"-hint", f.Hint}, {"-why", f.Why}} {
		if part.text != "" {
			ids = append(ids, f.ID()+part.suffix)
		}
	}
	if f.Also != "" {
		ids = append(ids, f.Also)
	}
	return strings.Join(ids, " ")
}

// Kind returns which template draws the field.
func (f Field) Kind() string {
	switch f.Type {
	case "textarea", "select", "radio", "checkbox", "checkboxes", "hidden":
		return f.Type
	}
	return "input"
}

// InputType returns the type attribute of an input.
func (f Field) InputType() string {
	if f.Type == "" {
		return "text"
	}
	return f.Type
}

// Complete returns the autocomplete attribute.
func (f Field) Complete() string {
	if f.Autocomplete == "" {
		return "off"
	}
	return f.Autocomplete
}

// Chosen reports whether the option with that value is chosen.
func (f Field) Chosen(value string) bool {
	return value == f.Value && (f.Type != "checkboxes") || slices.Contains(f.Values, value)
}

// On reports whether a checkbox is ticked.
func (f Field) On() bool { return f.Value != "" }

// An OptionGroup is a run of options of one group.
type OptionGroup struct {
	Name    string
	Options []Option
}

// Groups returns the options by group.
func (f Field) Groups() []OptionGroup {
	var groups []OptionGroup
	for _, o := range f.Options {
		if n := len(groups); n == 0 || groups[n-1].Name != o.Group {
			groups = append(groups, OptionGroup{Name: o.Group})
		}
		last := &groups[len(groups)-1]
		last.Options = append(last.Options, o)
	}
	return groups
}

// Fields are the inputs of a form.
type Fields []Field

// With returns the fields with what was typed, and with what err says is
// wrong beside each. Passwords and files are not given back.
func (fs Fields) With(typed url.Values, err error) Fields {
	filled := slices.Clone(fs)
	wrong := Wrong(err)
	for i := range filled {
		f := &filled[i]
		f.Error = wrong[f.Name]
		if typed == nil || f.ReadOnly {
			continue
		}
		switch f.Type {
		case "password", "file":
		case "checkboxes":
			f.Values = typed[f.Name]
		default:
			f.Value = typed.Get(f.Name)
		}
	}
	return filled
}

// Errors returns how many of the fields are wrong.
func (fs Fields) Errors() (n int) {
	for _, f := range fs {
		if f.Error != "" {
			n++
		}
	}
	return n
}

// NotText is the complaint about a value that holds what is not text.
const NotText = "This holds characters that are not text. Please type it again rather than paste it."

// NotEmail is the complaint about what is no e-mail address.
const NotEmail = "This is not an e-mail address. One looks like name@example.com."

// TooLong is the complaint about a value of more than so many characters.
func TooLong(most int) string {
	return "This is longer than fits here. At most " + strconv.Itoa(most) + " characters do."
}

// Check looks at what was typed: that what is required is there, that it is
// text, that nothing is too long, and that a choice is one of those offered. What else
// makes a value right is the desk's to say. The error is of kind Invalid.
func (fs Fields) Check(typed url.Values) error {
	wrong := map[string]string{}
	for _, f := range fs {
		if f.ReadOnly || f.Type == "file" {
			continue
		}
		list := typed[f.Name]
		empty := !slices.ContainsFunc(list, func(v string) bool { return v != "" })
		if empty {
			if f.Required {
				wrong[f.Name] = f.missing()
			}
			continue
		}
		if len(list) > 1 && f.Type != "checkboxes" {
			wrong[f.Name] = "This was sent twice. Please fill it in once."
			continue
		}
		for _, v := range list {
			if strings.ContainsRune(v, utf8.RuneError) {
				wrong[f.Name] = NotText
			}
			if f.MaxLen > 0 && len([]rune(v)) > f.MaxLen {
				wrong[f.Name] = TooLong(f.MaxLen)
			}
			if strings.Contains(v, "\n") && f.Kind() == "input" {
				wrong[f.Name] = "This has to be on one line."
			}
			if len(f.Options) > 0 && !f.offers(v) {
				wrong[f.Name] = "Please choose one of those offered."
			}
		}
	}
	return Invalid("", wrong)
}

func (f Field) missing() string {
	switch f.Kind() {
	case "select", "radio":
		return "Please choose one."
	case "checkboxes":
		return "Please choose at least one."
	case "checkbox":
		return "Please tick this to go on."
	}
	return "Please fill this in."
}

func (f Field) offers(v string) bool {
	return slices.ContainsFunc(f.Options, func(o Option) bool { return o.Value == v && !o.Disabled })
}

// Invalid returns an error that says what is wrong with each field of a form,
// and nil if nothing is. The message stands above the form; if it is empty
// the form says how many fields are wrong.
func Invalid(message string, fields map[string]string) error {
	if len(fields) == 0 {
		return nil
	}
	if message == "" {
		message = "Please look at the fields that are marked."
	}
	return &loot.Error{Kind: loot.Invalid, Msg: message, Fields: fields}
}

// Wrong returns what err says about single fields. It is nil if err is not
// about a form, and then err belongs to the caller's caller.
func Wrong(err error) map[string]string {
	if e, ok := errors.AsType[*loot.Error](err); ok && e.Kind == loot.Invalid {
		if e.Fields == nil {
			return map[string]string{}
		}
		return e.Fields
	}
	return nil
}

// Problems is the list above a form that leads to each wrong field.
type Problems struct {
	Message string
	Fields  Fields // only the wrong ones
}

// ProblemsOf returns what to say above a form whose fields are those given,
// and nil when nothing is wrong.
func ProblemsOf(err error, sets ...Fields) *Problems {
	if err == nil || Wrong(err) == nil {
		return nil
	}
	p := &Problems{Message: loot.Message(err)}
	for _, fs := range sets {
		for _, f := range fs {
			if f.Error != "" {
				f.Label = strings.TrimRight(f.Label, ".?") // a colon follows
				p.Fields = append(p.Fields, f)
			}
		}
	}
	return p
}
