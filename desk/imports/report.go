package imports

import (
	"context"
	"encoding/csv"
	"net/http"
	"slices"
	"strings"

	"loot"
	"loot/desk/imports/source"
	"loot/store"
	"loot/web"
)

// formulaStart are the characters with which a spreadsheet takes a cell for a
// formula (OWASP, CSV injection).
const formulaStart = "=+-@\t\r"

// guarded returns a cell that no spreadsheet takes for a formula.
func guarded(cell string) string {
	if cell != "" && strings.IndexByte(formulaStart, cell[0]) >= 0 {
		return "'" + cell
	}
	return cell
}

// whyColumn is the column of a report with the reason.
const whyColumn = "Refused because"

// report hands out the rows that were refused, as they stand in the file, each with
// the reason: corrected, it can be brought again.
func (i *Imports) report(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := i.read(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !one.Removed.IsZero() {
		return errRemoved
	}
	if one.works() {
		return loot.Errorf(loot.Conflict, "Wait until the import has ended, or stop it first.")
	}
	if err := i.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := i.may(ctx, tx, web.ActorOf(ctx)); err != nil {
			return err
		}
		_, err := i.Gate.Note(ctx, tx, web.ActorOf(ctx), "import.report", one.ID)
		return err
	}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="refused-`+one.ID+`.csv"`)
	web.Stream(w, func(w http.ResponseWriter) error {
		c := csv.NewWriter(w)
		for step, p := range one.Mapping.steps(one.Found) {
			if err := i.reportStep(ctx, one, step, p, c); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
	return nil
}

func (i *Imports) reportStep(ctx context.Context, one *run, step int, p part, c *csv.Writer) error {
	in, err := i.open(ctx, one, func(t string) bool { return t == p.table })
	if err != nil {
		return err
	}
	var page []verdict
	after, number, first := int64(0), int64(0), true
	return each(in, func(row *source.Row) error {
		if number++; len(page) == 0 && after >= 0 {
			if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
				var steps []int
				if page, steps, err = verdicts(ctx, tx, one.ID, refused, step, after, 500); err == nil {
					if n := slices.IndexFunc(steps, func(s int) bool { return s != step }); n >= 0 {
						page = page[:n]
					}
				}
				return err
			}); err != nil {
				return err
			}
			if len(page) == 0 {
				after = -1
			}
		}
		if len(page) == 0 || page[0].number != number {
			return nil
		}
		if first {
			first = false
			if err := c.Write(guardedAll(append(slices.Clone(row.Columns), whyColumn))); err != nil {
				return err
			}
		}
		cells := slices.Clone(row.Cells)
		for n, column := range row.Columns[:min(len(cells), len(row.Columns))] {
			if one.Mapping.Columns[p.table][column] == rowID && cells[n] != "" {
				cells[n] = countedApart[p.table] + cells[n]
			}
		}
		for len(cells) < len(row.Columns) {
			cells = append(cells, "")
		}
		after = page[0].number
		why := page[0].why
		page = page[1:]
		return c.Write(guardedAll(append(cells[:len(row.Columns)], why)))
	})
}

func guardedAll(cells []string) []string {
	for n := range cells {
		cells[n] = guarded(cells[n])
	}
	return cells
}
