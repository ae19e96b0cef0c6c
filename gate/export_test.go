package gate

import (
	"context"
	"time"
)

func init() { followEvery = time.Millisecond }

// Follow is one step of [Gate.Run].
func (g *Gate) Follow(ctx context.Context) error { return g.follow(ctx) }

// Digest names what is asked.
func (r Request) Digest() []byte { return r.digest() }

// ForgetJob is what the timetable enqueues every day.
type ForgetJob = forgetJob
