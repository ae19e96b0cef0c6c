package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"loot/keyring"
)

// TestOverdueKeysAreDestroyedBeforeServing: a server that stood still when a day
// ended has destroyed that day's key when it begins to serve.
func TestOverdueKeysAreDestroyedBeforeServing(t *testing.T) {
	a, err := New(t.Context(), Config{
		Place: Place{Data: filepath.Join(t.TempDir(), "data")}, Listen: "127.0.0.1:0", BaseURL: "https://loot.example", From: "Loot <no-reply@loot.example>", Shutdown: time.Minute,
	}, Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const key = "visits.1.2026-01-01.live"
	if _, err := a.Keyring.Fleeting(t.Context(), key, func() []byte { return make([]byte, 32) }); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if err := a.Serve(ctx, ln, nil, func() {
		defer stop()
		gone := false // what is left of it may be, too, and then another is made
		if _, err := a.Keyring.Fleeting(ctx, key, func() []byte { gone = true; return nil }); !gone && !errors.Is(err, keyring.ErrMissing) {
			t.Errorf("when it serves: %v", err)
		}
	}); err != nil {
		t.Error(err)
	}
}
