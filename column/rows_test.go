package column

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// TestACanceledQuerySaysSo in whatever words its engine has, and no other does.
func TestACanceledQuerySaysSo(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	limited, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	given, up := context.WithTimeout(t.Context(), time.Hour)
	up()
	interrupt := errors.New("INTERRUPT Error: Interrupted!")
	late := fmt.Errorf("read: %w", os.ErrDeadlineExceeded)
	for name, c := range map[string]struct {
		ctx  context.Context
		err  error
		want error
		is   bool
	}{
		"the context ended":          {ended, interrupt, context.Canceled, true},
		"the engine's words stay":    {ended, interrupt, interrupt, true},
		"the context goes on":        {t.Context(), interrupt, context.Canceled, false},
		"the connection was first":   {limited, late, context.DeadlineExceeded, true},
		"nobody set a limit":         {t.Context(), late, context.DeadlineExceeded, false},
		"given up within the limit":  {given, late, context.Canceled, true},
		"within the limit it failed": {limited, interrupt, context.DeadlineExceeded, false},
	} {
		if got := canceled(c.ctx, c.err); errors.Is(got, c.want) != c.is {
			t.Errorf("%s: %v", name, got)
		}
	}
}
