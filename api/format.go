package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

var (
	errText  = errors.New("the text is not UTF-8")
	errTwice = errors.New("a name stands twice in one object")
	errNUL   = errors.New("the text holds a NUL")
)

// strictJSON refuses what encoding/json would quietly mend: text that is not
// UTF-8, one name twice in an object, NUL. What two readers read differently
// is nothing to decide on.
var strictJSON = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		if _, first := v.(*any); first { // huma reads twice; the first time decides
			if err := strict(data); err != nil {
				return err
			}
		}
		return json.Unmarshal(data, v)
	},
}

func strict(data []byte) error {
	if !utf8.Valid(data) {
		return errText
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	type level struct {
		object bool
		key    bool // a name comes next
		names  map[string]bool
	}
	var stack []level
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.New("not JSON")
		}
		if d, ok := tok.(json.Delim); ok {
			switch d {
			case '{':
				stack = append(stack, level{object: true, key: true, names: map[string]bool{}})
				continue
			case '[':
				stack = append(stack, level{})
				continue
			}
			stack = stack[:len(stack)-1]
		} else if s, ok := tok.(string); ok && strings.ContainsRune(s, 0) {
			return errNUL
		}
		if len(stack) == 0 {
			continue
		}
		top := &stack[len(stack)-1]
		if !top.object {
			continue
		}
		if s, ok := tok.(string); ok && top.key {
			if top.names[s] {
				return errTwice
			}
			top.names[s] = true
			top.key = false
			continue
		}
		top.key = true
	}
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
