package statement

import (
	"bytes"
	_ "embed"
)

//go:embed statement.md
var defaultSource []byte

// Default returns the source of the statement that Loot ships with. An operator
// starts from it and makes it their own.
func Default() []byte { return bytes.Clone(defaultSource) }
