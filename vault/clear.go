package vault

import (
	"fmt"
	"io"
	"log/slog"
)

// A Clear is an opened value. It prints, logs and encodes as "[redacted]";
// Reveal is the one way to its text, and easy to search for.
type Clear struct {
	// Behind a pointer, as fmt looks into structs without asking their methods:
	// under %p, and where the field that holds them is not exported.
	text *string
}

func clearOf(text string) Clear { return Clear{&text} }

const redacted = "[redacted]"

// Reveal returns the text.
func (c Clear) Reveal() string {
	if c.text == nil {
		return ""
	}
	return *c.text
}

// String returns "[redacted]".
func (Clear) String() string { return redacted }

// Format keeps every fmt verb from printing the text.
func (Clear) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps the text out of logs.
func (Clear) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the text out of JSON and the like.
func (Clear) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// GoString keeps the text out of %#v.
func (Clear) GoString() string { return redacted }
