package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v4"
)

// yamlConfig reads settings from a YAML file whose keys are the flags' names.
func yamlConfig(r io.Reader) (kong.Resolver, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	settings := map[string]any{}
	if err := yaml.Unmarshal(b, &settings); err != nil {
		return nil, fmt.Errorf("the settings are no YAML: %w", err)
	}
	j, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("the settings cannot be read: %w", err)
	}
	return kong.JSON(bytes.NewReader(j))
}
