package job

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/riverqueue/river"
)

// TestRiverIsQuiet: of what River says, an operator reads errors, but not that the
// row of a queue is missing for a while.
func TestRiverIsQuiet(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  func(*slog.Logger)
		want bool
	}{
		{"a warning", func(l *slog.Logger) { l.Warn("producer: slow") }, false},
		{"an error", func(l *slog.Logger) { l.Error("producer: Error fetching queue settings", "err", "no connection") }, true},
		{"a missing row", func(l *slog.Logger) {
			l.Error("producer: Error fetching queue settings", "err", river.ErrNotFound.Error())
		}, false},
	} {
		var out bytes.Buffer
		tt.say(slog.New(quiet{slog.NewTextHandler(&out, nil)}))
		if got := out.Len() > 0; got != tt.want {
			t.Errorf("%s: said %q", tt.name, out.String())
		}
	}
}
