package customers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"loot/ledger"
	"loot/statement"
	"loot/store"
	"loot/web"
)

const (
	copyPage     = 100             // entries that are read at a time
	proofsWithin = 5 * time.Second // how long a copy waits for the receipts of its newest entries
)

// download hands a person the whole of their record as JSON, with a receipt of
// every entry of their timeline. The record is opened by one decision; the
// timeline may be long, so it is written as it is read, and ends with that
// decision's entry.
func (c *customers) download(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	newest := ""
	var s *statement.Statement
	head, err := c.copyOf(ctx, web.ActorOf(ctx), func(tx *store.Tx, in *statement.Statement, copied *exported) error {
		s = in
		it, err := c.newest(ctx, tx, copied.Subject)
		newest = it.ID
		return err
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(head); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="what-we-hold.json"`)
	web.Stream(w, func(w http.ResponseWriter) error {
		out := bufio.NewWriter(w)
		// Flush returns the first error of all that is written before it.
		fmt.Fprintf(out, "%s,\n  \"timeline\": [", bytes.TrimSuffix(b.Bytes(), []byte("\n}\n")))
		if err := c.writeTimeline(ctx, out, s, head, newest); err != nil {
			return err
		}
		fmt.Fprint(out, "\n  ]\n}\n")
		return out.Flush()
	})
	return nil
}

// writeTimeline writes every entry about a person from the newest that is
// given, newest first, with their receipts.
func (c *customers) writeTimeline(ctx context.Context, out *bufio.Writer, s *statement.Statement, head exported, newest string) error {
	wait, cancel := context.WithTimeout(ctx, proofsWithin)
	defer cancel()
	if err := c.Ledger.Sync(wait); err != nil && wait.Err() == nil {
		return err
	}
	begun, sep := false, "\n    "
	for before := ""; ; {
		page, last, err := c.copyPage(ctx, s, head, before)
		if err != nil {
			return err
		}
		for _, e := range page {
			if begun = begun || e.ID == newest; !begun {
				continue // recorded since
			}
			if err := writeEntry(out, sep, e); err != nil {
				return err
			}
			sep = ",\n    "
		}
		if last == "" {
			return nil
		}
		before = last
	}
}

func writeEntry(out *bufio.Writer, sep string, e exportedEntry) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("    ", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(e); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s%s", sep, bytes.TrimSpace(b.Bytes()))
	return err
}

// copyPage reads a page of a timeline with its receipts, and the entry to go on
// after; empty: it was the last.
func (c *customers) copyPage(ctx context.Context, s *statement.Statement, head exported, before string) (page []exportedEntry, last string, err error) {
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		page, last = nil, ""
		items, err := c.Ledger.Timeline(ctx, tx, head.Subject, collection, before, copyPage)
		if err != nil {
			return err
		}
		for _, it := range items {
			e, err := c.exportEntry(ctx, tx, s, it)
			if err != nil {
				return err
			}
			receipt, err := c.Ledger.Receipt(ctx, tx, head.Subject, collection, it.ID)
			switch {
			case err == nil:
				e.Receipt = string(receipt)
			case errors.Is(err, ledger.ErrNotYet):
				e.Unproved = "The proof of this entry is still being made. Take another copy in a moment."
			case ctx.Err() != nil:
				return err
			default:
				// One bad record must not keep the rest from the person it is about.
				c.Log.ErrorContext(ctx, "an entry of a copy has no receipt", "entry", it.ID, "err", err)
				e.Unproved = "The ledger's record of this entry is damaged. Please tell us."
			}
			page = append(page, e)
		}
		if len(items) == copyPage {
			last = items[len(items)-1].ID
		}
		return nil
	})
	return page, last, err
}
