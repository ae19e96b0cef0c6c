package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"

	"loot/statement"
)

// A settingsFile holds the settings of a YAML file, by the flags' names. A flag
// or a variable of the environment takes precedence. What no command knows, or
// cannot use, is refused: a slip of the pen would otherwise leave the default
// in force.
type settingsFile struct {
	name   string
	values map[string]*yaml.Node
	order  []*yaml.Node // the keys, as they stand in the file
	held   bool         // the file was held against the program
}

func yamlConfig(r io.Reader) (kong.Resolver, error) {
	s := &settingsFile{name: "the settings", values: map[string]*yaml.Node{}}
	if f, ok := r.(interface{ Name() string }); ok {
		s.name = f.Name()
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("%s: the settings are no YAML: %w", s.name, err)
	}
	if len(doc.Content) == 0 {
		return s, nil // empty, or nothing but comments
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, s.wrong(top, "the settings are written NAME: VALUE, one on a line")
	}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		if s.values[key.Value] != nil {
			return nil, s.wrong(key, fmt.Sprintf("%q is set twice", key.Value))
		}
		s.order, s.values[key.Value] = append(s.order, key), value
	}
	return s, nil
}

// wrong says what is wrong and where. No value is repeated: it may be a secret.
func (s *settingsFile) wrong(at *yaml.Node, what string) error {
	return fmt.Errorf("%s, line %d: %s", s.name, at.Line, what)
}

// Validate holds the file against what the commands know.
func (s *settingsFile) Validate(program *kong.Application) error {
	if s.held {
		return nil
	}
	known := map[string][]*kong.Flag{} // of all commands: one file serves them all
	var names []string
	for _, command := range program.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				known[flag.Name] = append(known[flag.Name], flag)
				names = append(names, flag.Name)
			}
		}
	}
	for _, key := range s.order {
		flags := known[key.Value]
		if len(flags) == 0 {
			hint := ""
			if near := statement.Nearest(key.Value, names); near != "" {
				hint = " (did you mean " + near + "?)"
			}
			return s.wrong(key, fmt.Sprintf("the settings name %q, and no command has an option --%s%s", key.Value, key.Value, hint))
		}
		why := ""
		for _, flag := range flags {
			if why = unfit(flag, s.values[key.Value]); why == "" {
				break
			}
		}
		if why != "" {
			return s.wrong(s.values[key.Value], "--"+key.Value+": "+why)
		}
	}
	s.held = true
	return nil
}

func (s *settingsFile) fits(program *kong.Application) bool { return s.Validate(program) == nil }

// Resolve returns the file's value for a flag; nil: it has none to say.
func (s *settingsFile) Resolve(k *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !s.fits(k.Model) {
		return nil, nil // Validate says it, and without naming this flag
	}
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	v := s.values[flag.Name]
	if v == nil || v.Tag == "!!null" || unfit(flag, v) != "" {
		return nil, nil // unfit: another command's flag of the same name takes it
	}
	if v.Kind != yaml.SequenceNode {
		return v.Value, nil
	}
	out := make([]any, len(v.Content))
	for i, one := range v.Content {
		out[i] = one.Value
	}
	return out, nil
}

// unfit says why a flag cannot have a value; empty: it can. A value is what one
// would type on the command line.
func unfit(flag *kong.Flag, v *yaml.Node) string {
	list := v.Kind == yaml.SequenceNode
	switch {
	case v.Tag == "!!null":
		return ""
	case list && !flag.IsSlice():
		return "this takes one value and not a list"
	case list:
		if slices.ContainsFunc(v.Content, func(one *yaml.Node) bool { return one.Kind != yaml.ScalarNode }) {
			return "this takes a list of plain values"
		}
		return ""
	case v.Kind != yaml.ScalarNode:
		return "this takes a plain value"
	case flag.Enum != "" && !flag.EnumMap()[v.Value]:
		return "this must be one of " + strings.Join(flag.EnumSlice(), ", ")
	}
	switch target := flag.Target; {
	case target.Type() == reflect.TypeFor[time.Duration]():
		if _, err := time.ParseDuration(v.Value); err != nil {
			return "this takes a length of time, such as 20s or 5m (" + strings.TrimPrefix(err.Error(), "time: ") + ")"
		}
	case target.Kind() == reflect.Bool:
		if v.Tag != "!!bool" {
			return "this is either true or false"
		}
	case target.CanInt():
		if _, err := strconv.Atoi(v.Value); err != nil {
			return "this takes a whole number"
		}
	}
	return ""
}
