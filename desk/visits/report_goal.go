package visits

import "context"

// A Reach is what came to a goal.
type Reach struct {
	Sum
	Left int // days of which nothing is told
}

// Reach says which of the visits that a question is about reached a goal. It is
// what a report says that is filtered by the goal: the row that a panel has of
// the page or the event counts the visits that began there, or none, and what
// was earned there and not by the visits.
func (r *Reports) Reach(ctx context.Context, q Question, goal Filter) (out Reach, err error) {
	q.Filters, q.Dimensions = append(q.Filters[:len(q.Filters):len(q.Filters)], goal), nil
	if _, err := q.check(); err != nil {
		return out, err
	}
	blocks, err := steadily(ctx, r, q, func() ([]*block, error) {
		blocks, _, err := r.filtered(ctx, q, nil)
		return blocks, err
	})
	for _, b := range blocks {
		out.Sum, out.Left = out.plus(b.total), out.Left+b.left
	}
	return out, err
}
