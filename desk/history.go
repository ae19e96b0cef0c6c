package desk

import (
	"context"
	"slices"
	"time"
)

// A History is what happens in the demonstration: told by every desk, played
// in the order of time.
type History struct {
	Begin, End time.Time
	scenes     []scene
}

type scene struct {
	at  time.Time
	run func(context.Context) error
}

// Days returns how many whole days pass.
func (h *History) Days() int { return int(h.End.Sub(h.Begin) / (24 * time.Hour)) }

// On has something happen at a time. Desks call it before the history is
// played; what several have happen at one time comes in the order told.
func (h *History) On(at time.Time, run func(context.Context) error) {
	h.scenes = append(h.scenes, scene{at, run})
}

// Play lets everything happen, each at its time by the clock, and ends at End.
func (h *History) Play(ctx context.Context, clock *Clock) error {
	slices.SortStableFunc(h.scenes, func(a, b scene) int { return a.at.Compare(b.at) })
	for _, s := range append(h.scenes, scene{h.End, func(context.Context) error { return nil }}) {
		clock.Advance(max(0, s.at.Sub(clock.Now())))
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return nil
}
