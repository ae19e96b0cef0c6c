package column

import (
	"context"
	"strings"
	"sync"

	"loot"
)

// Later returns the store at an address, which is opened by the first who uses
// it: a process that records nothing and reports nothing, as one that waits for
// another to end, takes no folder from that. What keeps it from being opened is
// said to whoever uses it, and tried again by the next.
func Later(address string, schema Schema, o Options) (Store, error) {
	if err := schema.check(); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(address, "duckdb:") && !strings.HasPrefix(address, "clickhouse:") {
		return nil, loot.Errorf(loot.Invalid, msgAddress)
	}
	return &later{open: func(ctx context.Context) (Store, error) { return Open(ctx, address, schema, o) }}, nil
}

type later struct {
	open func(context.Context) (Store, error)

	mu     sync.Mutex
	store  Store
	closed bool
}

// get returns the store, opened if it is not yet.
func (l *later) get(ctx context.Context) (Store, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, loot.Errorf(loot.Unavailable, msgClosed)
	case l.store != nil:
		return l.store, nil
	}
	s, err := l.open(context.WithoutCancel(ctx)) // it outlives whoever was first
	if err != nil {
		return nil, err
	}
	l.store = s
	return s, nil
}

func (l *later) Append(ctx context.Context, day Day, batch Batch) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Append(ctx, day, batch)
}

func (l *later) Query(ctx context.Context, from, to Day, query string, args ...any) (*Rows, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return s.Query(ctx, from, to, query, args...)
}

func (l *later) Seal(ctx context.Context, days ...Day) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Seal(ctx, days...)
}

func (l *later) Reopen(ctx context.Context, day Day) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Reopen(ctx, day)
}

func (l *later) Drop(ctx context.Context, before Day) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Drop(ctx, before)
}

func (l *later) Rewrite(ctx context.Context, keep string, args ...any) error {
	s, err := l.get(ctx)
	if err != nil {
		return err
	}
	return s.Rewrite(ctx, keep, args...)
}

func (l *later) Open(ctx context.Context) ([]Day, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx)
}

func (l *later) Stats(ctx context.Context) ([]Part, error) {
	s, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	return s.Stats(ctx)
}

func (l *later) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.store == nil {
		return nil
	}
	return l.store.Close()
}
