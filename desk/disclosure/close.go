package disclosure

import (
	"context"

	"loot/web"
)

var reviewStep = stepKind{
	id: "review", title: "Review the emergency", icon: "scan-eye", button: "Keep the review",
	text: "What was answered in haste is looked at again by somebody who neither dealt with it nor entered it. What was wrong opens an incident.",
	offered: func(st stand) bool {
		return st.r.Emergency && !st.r.Answered.IsZero() && st.r.Reviewed.IsZero() && st.r.Owner != st.by.ID && st.r.Author != st.by.ID && approving(st.s, st.by)
	},
	fields: func(stand) web.Fields {
		return web.Fields{
			{Name: "finding", Label: "Finding", Type: "select", Required: true, Options: []web.Option{{Value: "right", Label: "It was right to answer"}, {Value: "wrong", Label: "It should not have been answered"}}},
			{Name: "reason", Label: "Why", Type: "textarea", Required: true, MaxLen: 2000, Rows: 3, Wide: true, Hint: "Whether the danger was real, whether the writing came, and whether less would have done."},
		}
	},
	do: func(ctx context.Context, do *doing) error {
		do.r.Reviewed, do.said = do.now, "The review is kept."
		if do.typed.Get("finding") == "wrong" {
			do.said = "The review is kept, and an incident is open."
			if _, err := do.d.Gate.Incident(ctx, do.tx, "disclosure.wrong", do.r.Entry); err != nil {
				return err
			}
		}
		if err := do.note(ctx, "review."+do.typed.Get("finding"), do.typed.Get("reason")); err != nil {
			return err
		}
		return do.noted(ctx, "reviewed", do.typed.Get("finding"))
	},
}

var closeStep = stepKind{
	id: "close", title: "Handed over", icon: "package-check", button: "Close the request",
	text: "The sealed file goes one way and, if it has a password, the password another.",
	offered: func(st stand) bool {
		return st.r.Closed.IsZero() && !st.r.Answered.IsZero() && (!st.r.Emergency || !st.r.Reviewed.IsZero())
	},
	fields: func(stand) web.Fields {
		return web.Fields{
			{Name: "receipt", Label: "How and to whom it was handed over", Type: "textarea", Required: true, MaxLen: 2000, Rows: 3, Wide: true, Hint: "The way, the day, who confirmed the receipt, and how a password was told."},
		}
	},
	do: func(ctx context.Context, do *doing) error {
		do.r.Closed, do.said = do.now, "Closed."
		if err := do.note(ctx, "receipt", do.typed.Get("receipt")); err != nil {
			return err
		}
		if err := do.forgetPassword(ctx); err != nil {
			return err
		}
		if err := do.holds(ctx); err != nil {
			return err
		}
		return do.noted(ctx, "closed", do.r.Outcome)
	},
}

var endStep = stepKind{
	id: "end", title: "The proceedings are over", icon: "gavel", button: "Close them",
	text:    "As long as they are open, legal counsel opens records for them with the number of this case, and each time the person is told.",
	offered: func(st stand) bool { return st.r.Kind == proceedings && st.r.Closed.IsZero() },
	fields: func(stand) web.Fields {
		return web.Fields{{Name: "reason", Label: "How they ended", Type: "textarea", Required: true, MaxLen: 2000, Rows: 3, Wide: true}}
	},
	do: func(ctx context.Context, do *doing) error {
		do.r.Outcome, do.r.Closed, do.said = over, do.now, "Closed."
		if err := do.note(ctx, "reason", do.typed.Get("reason")); err != nil {
			return err
		}
		return do.noted(ctx, "closed", over)
	},
}

// noteTitles say what a note is, by its kind.
var noteTitles = map[string]string{
	"asked": "What they ask for", "reference": "Their file number", "danger": "Imminent danger", "reason": "Reason", "receipt": "Handed over", "document": "Document",
	"extent.whole": "Answered as a whole", "extent.part": "Answered in part", "review.right": "Reviewed: it was right", "review.wrong": "Reviewed: it was wrong",
}

// answerOf says to which question of an assessment a note is the answer, and which in words;
// empty: to none.
func answerOf(kind string) (id, title string) {
	for _, q := range questionsOf(basis{}) {
		switch kind {
		case q.id + "." + yes:
			return q.id, q.title + " Yes"
		case q.id + "." + no:
			return q.id, q.title + " No"
		}
	}
	return "", ""
}

// fileTitles say what a file is, by its kind.
var fileTitles = map[string]string{
	"request": "The request", "order": "Order", "extension": "Extension of secrecy", "document": "Document", "answer": "The sealed answer",
	"letter.narrowing": "Letter: a narrower request", "letter." + refused: "Letter: refused", "letter." + nothing: "Letter: nothing is held", "letter." + part: "Letter: answered in part",
}

// closing says why an answered request cannot be closed yet; empty: it can.
func (st stand) closing() string {
	if st.r.Emergency && !st.r.Answered.IsZero() && st.r.Reviewed.IsZero() {
		return "It was an emergency: somebody else, whose role approves, reviews it before it is closed."
	}
	return ""
}
