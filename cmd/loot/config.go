package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// fileSettings are the settings of a YAML file, by the flags' names. A flag or
// a variable of the environment takes precedence.
type fileSettings map[string]any

func yamlConfig(r io.Reader) (kong.Resolver, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s := fileSettings{}
	if err := yaml.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("the settings are no YAML: %w", err)
	}
	return s, nil
}

// Validate refuses a setting that no command has: a slip of the pen would
// otherwise leave the default in force.
func (s fileSettings) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, command := range app.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				known[flag.Name] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !known[name] {
			return fmt.Errorf("the settings name %q, and no command has an option --%s", name, name)
		}
	}
	return nil
}

// Resolve returns the file's value for a flag; nil: it has none to say.
func (s fileSettings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return nil, nil
		}
	}
	return asTyped(s[flag.Name]), nil
}

// asTyped turns a value into what one would have typed on the command line, so
// that both mean the same and are checked alike.
func asTyped(v any) any {
	switch v := v.(type) {
	case nil, string:
		return v
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = asTyped(one)
		}
		return out
	}
	return fmt.Sprint(v)
}
