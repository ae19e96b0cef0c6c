package visits

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/store"
)

// A Goal is what visits of a site are meant to come to. One of several steps is
// a funnel.
type Goal struct {
	ID    string
	Site  uint16
	Name  string
	Steps []Filter
	Made  time.Time
}

// longestTitle is how long the name of a site, a goal or a funnel may be.
const longestTitle = 80

// mostGoals is how many goals a site may have, and how many funnels: each is
// asked about when the page is.
const mostGoals = 20

var errNoGoal = loot.Errorf(loot.NotFound, "There is no such goal or funnel; somebody may have removed it.")

func (g *Goal) funnel() bool { return len(g.Steps) > 1 }

// checkStep says what is wrong with the condition of a goal, or of a step.
func (f Filter) checkStep() error {
	if !slices.Contains(stepDimensions, f.Dimension) {
		return loot.Errorf(loot.Invalid, "A goal is a page, an event, a link away, a download or a form.")
	}
	if f.Op == Not || f.Op == Contains && f.Dimension != "path" {
		return loot.Errorf(loot.Invalid, "A goal is one value or any of several; only a page may also be one that contains a text.")
	}
	if slices.Contains(f.Values, "") {
		return loot.Errorf(loot.Invalid, "Say which %s it is.", filterNoun(f.Dimension))
	}
	return f.check()
}

func readGoals(ctx context.Context, tx *store.Tx, site uint16) (out []*Goal, err error) {
	rows, err := tx.Query(ctx, `SELECT id, site, name, steps, made FROM visits_goal WHERE site = $1 ORDER BY made, id`, site)
	if err != nil {
		return nil, fmt.Errorf("visits: goals: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		g, err := scanGoal(rows.Scan)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

func readGoal(ctx context.Context, tx *store.Tx, id string) (*Goal, error) {
	g, err := scanGoal(tx.QueryRow(ctx, `SELECT id, site, name, steps, made FROM visits_goal WHERE id = $1`, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoGoal
	}
	return g, err
}

func scanGoal(scan func(...any) error) (*Goal, error) {
	var g Goal
	var steps string
	var made int64
	if err := scan(&g.ID, &g.Site, &g.Name, &steps, &made); err != nil {
		return nil, fmt.Errorf("visits: goal: %w", err)
	}
	var texts []string
	if err := json.Unmarshal([]byte(steps), &texts); err != nil {
		return nil, fmt.Errorf("visits: goal %s: %w", g.ID, err)
	}
	var err error
	if g.Steps, err = ParseFilters(texts); err != nil {
		return nil, fmt.Errorf("visits: goal %s: %w", g.ID, err)
	}
	g.Made = time.UnixMicro(made).UTC()
	return &g, nil
}

// writeGoal adds a goal, or changes the one that has its id.
func writeGoal(ctx context.Context, tx *store.Tx, g *Goal) error {
	texts := make([]string, len(g.Steps))
	for i, s := range g.Steps {
		texts[i] = s.String()
	}
	steps, err := json.Marshal(texts)
	if err != nil {
		return fmt.Errorf("visits: goal: %w", err)
	}
	if g.ID != "" {
		_, err := tx.Exec(ctx, `UPDATE visits_goal SET name = $2, steps = $3 WHERE id = $1`, g.ID, g.Name, string(steps))
		return wrapGoal(err)
	}
	all, err := readGoals(ctx, tx, g.Site)
	if err != nil {
		return err
	}
	if n := len(slices.DeleteFunc(all, func(o *Goal) bool { return o.funnel() != g.funnel() })); n >= mostGoals {
		return loot.Errorf(loot.Conflict, "A site has %d goals and %d funnels at most. Remove one first.", mostGoals, mostGoals)
	}
	g.ID = rand.Text()
	_, err = tx.Exec(ctx, `INSERT INTO visits_goal (id, site, name, steps, made) VALUES ($1, $2, $3, $4, $5)`, g.ID, g.Site, g.Name, string(steps), g.Made.UnixMicro())
	return wrapGoal(err)
}

func deleteGoal(ctx context.Context, tx *store.Tx, id string) error {
	_, err := tx.Exec(ctx, `DELETE FROM visits_goal WHERE id = $1`, id)
	return wrapGoal(err)
}

func wrapGoal(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("visits: goal: %w", err)
}

// goals returns the goals of a site, and its funnels.
func (d *Visits) goals(ctx context.Context, site uint16) (goals, funnels []*Goal, err error) {
	err = d.DB.Read(ctx, func(tx *store.Tx) error {
		all, err := readGoals(ctx, tx, site)
		for _, g := range all {
			if g.funnel() {
				funnels = append(funnels, g)
			} else {
				goals = append(goals, g)
			}
		}
		return err
	})
	return goals, funnels, err
}
