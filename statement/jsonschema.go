package statement

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// JSONSchema returns the JSON Schema of what a yaml block under a clause may
// hold, with that of the front matter as "#/$defs/front". It is printed from
// the same description that reads statements. What a schema cannot say (that a
// name is declared, that a list's closed words fit together) Parse checks.
func JSONSchema() []byte {
	root := blockShape.jsonSchema()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://loot.example/statement.schema.json"
	root["title"] = "Declarations of a Loot statement"
	root["$defs"] = map[string]any{"front": frontShape.jsonSchema()}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("statement: schema: %v", err)) // cannot be: maps, lists and strings
	}
	return append(b, '\n')
}

func (s *shape) jsonSchema() map[string]any {
	out := map[string]any{}
	if s.doc != "" {
		out["description"] = s.doc
	}
	switch s.kind {
	case kindText:
		out["type"] = "string"
		out["pattern"] = textPattern
		if s.form != nil {
			out["pattern"] = s.form.pattern.String()
		}
		if s.max > 0 {
			out["maxLength"] = s.max
		}
	case kindName:
		out["type"], out["pattern"] = "string", namePattern
	case kindRef:
		name := map[string]any{"type": "string", "pattern": namePattern}
		if len(s.words) > 0 {
			out["anyOf"] = []any{name, map[string]any{"enum": s.words}}
		} else {
			out["type"], out["pattern"] = "string", namePattern
		}
	case kindChoice:
		out["enum"] = s.words
	case kindNumber:
		out["type"], out["minimum"], out["maximum"] = "integer", s.min, s.max
	case kindFlag:
		out["type"] = "boolean"
	case kindDate:
		out["type"], out["pattern"], out["format"] = "string", datePattern, "date"
	case kindSpan:
		out["type"], out["pattern"] = "string", spanPattern
	case kindLife:
		out["type"], out["pattern"] = "string", lifePattern
	case kindList:
		out["type"], out["items"], out["uniqueItems"] = "array", s.of.jsonSchema(), true
		if s.min > 0 {
			out["minItems"] = s.min
		}
	case kindMap:
		out["type"], out["additionalProperties"], out["propertyNames"] = "object", s.of.jsonSchema(), s.key.keySchema()
	case kindObject:
		properties := map[string]any{}
		var required []string
		for _, m := range s.keys {
			properties[m.name] = m.shape.jsonSchema()
			if m.required {
				required = append(required, m.name)
			}
		}
		out["type"], out["properties"], out["additionalProperties"] = "object", properties, false
		if required != nil {
			out["required"] = required
		}
	}
	return out
}

// keySchema is the schema of the keys of a table; in JSON every key is a string.
func (s *shape) keySchema() map[string]any {
	if s.kind == kindNumber {
		var words []string
		for n := s.min; n <= s.max; n++ {
			words = append(words, strconv.Itoa(n))
		}
		return map[string]any{"enum": words}
	}
	return s.jsonSchema()
}
