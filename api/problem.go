package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"loot"
)

// A Problem is the body of every answer that refuses, as RFC 9457 has it.
type Problem struct {
	Type        string        `json:"type" doc:"What kind of problem it is: the address of the page that explains it, such as /problems/refused."`
	Title       string        `json:"title" doc:"The kind of problem in words, the same each time."`
	Status      int           `json:"status" doc:"The HTTP status."`
	Detail      string        `json:"detail,omitempty" doc:"What happened here and what to do about it. Never a value that was sent."`
	Instance    string        `json:"instance,omitempty" doc:"This answer, under which the log knows it."`
	Errors      []Detail      `json:"errors,omitempty" doc:"What is wrong with single values."`
	Clause      loot.Clause   `json:"clause,omitempty" doc:"The clause of the statement that refused."`
	ClauseTitle string        `json:"clause_title,omitempty" doc:"Its title."`
	Needed      []string      `json:"needed,omitempty" doc:"What would be needed for the clause to permit it."`
	Approval    *loot.Awaited `json:"approval,omitempty" doc:"The approval by other people that was asked for."`

	wait int // seconds; 0: waiting does not help
}

// A Detail is what is wrong with one value, which it does not repeat.
type Detail struct {
	Detail    string `json:"detail" doc:"What is wrong."`
	Pointer   string `json:"pointer,omitempty" doc:"Where in the body, as a JSON pointer."`
	Parameter string `json:"parameter,omitempty" doc:"Which parameter of the path, the query or the header."`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus makes a problem an answer of huma's.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are those that huma sends with a problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.wait > 0 {
		h.Set("Retry-After", strconv.Itoa(p.wait))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="loot"`)
	}
	return h
}

// ContentType says what kind of JSON a problem is.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// refuser is what a refusal of the gate can say.
type refuser interface {
	error
	Refused() (clause loot.Clause, title string, needed []string)
}

type awaiter interface{ Awaits() *loot.Awaited }

// problem turns the error of a handler into an answer, and tells the log
// what the answer does not say.
func (a *API) problem(ctx context.Context, op Operation, err error) *Problem {
	kind := loot.KindOf(err)
	p := &Problem{Status: kind.Status(), Detail: loot.Message(err), wait: loot.RetryAfter(err)}
	if e, ok := errors.AsType[refuser](err); ok {
		p.Clause, p.ClauseTitle, p.Needed = e.Refused()
		if w, ok := e.(awaiter); ok {
			p.Approval = w.Awaits()
		}
	}
	if e, ok := errors.AsType[*loot.Error](err); ok && e.Kind == loot.Invalid {
		for _, name := range sortedKeys(e.Fields) {
			p.Errors = append(p.Errors, Detail{Detail: e.Fields[name], Pointer: "#/" + name})
		}
	}
	p.classify(ctx)
	switch kind {
	case loot.Internal:
		a.opts.Log.ErrorContext(ctx, "operation failed", "operation", op.ID, "request", requestOf(ctx), "err", err)
	case loot.Unavailable:
		a.opts.Log.WarnContext(ctx, "not available", "operation", op.ID, "request", requestOf(ctx), "err", err)
	}
	return p
}

type requestKey struct{}

// requestOf returns the number under which the log knows the request.
func requestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// classify says which kind of problem it is, and of which request.
func (p *Problem) classify(ctx context.Context) {
	kind := loot.ProblemOf(p.Status, p.Clause)
	p.Type, p.Title = kind.Type(), kind.Title
	p.Instance = loot.Instance(requestOf(ctx))
}

// refuse answers before the handler was asked.
func (a *API) refuse(ctx huma.Context, op Operation, err error) {
	p := a.problem(ctx.Context(), op, err)
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetStatus(p.Status)
	if err := strictJSON.Marshal(ctx.BodyWriter(), p); err != nil && ctx.Context().Err() == nil {
		a.opts.Log.WarnContext(ctx.Context(), "cannot send a problem", "operation", op.ID, "err", err)
	}
}

// replaceErrors makes huma answer with problems of ours. Its own repeat the
// value that was refused, which may be anybody's address.
var replaceErrors = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		p := &Problem{Status: status, Detail: sentences[status]}
		p.classify(ctx.Context())
		for _, err := range errs {
			if d, ok := detailOf(err); ok {
				p.Errors = append(p.Errors, d)
			}
		}
		return p
	}
	// The document takes the shape of a problem from this one.
	huma.NewError = func(status int, _ string, _ ...error) huma.StatusError { return &Problem{Status: status} }
})

// sentences are what a refusal by huma says.
var sentences = map[int]string{
	http.StatusBadRequest:            "The body cannot be read as the JSON that this takes.",
	http.StatusRequestTimeout:        "The body took too long to arrive.",
	http.StatusRequestEntityTooLarge: "The body is more than this takes.",
	http.StatusUnsupportedMediaType:  "This takes JSON: send it as application/json.",
	http.StatusUnprocessableEntity:   "Some values are not as described.",
	http.StatusInternalServerError:   "Something went wrong on our side. Nothing was changed; please try again.",
}

// detailOf keeps of huma's detail what says nothing of the value: the
// message up to where a cause would follow, and the place, as far as its
// names are ours and not the sender's.
func detailOf(err error) (Detail, bool) {
	e, ok := err.(huma.ErrorDetailer)
	if !ok {
		return Detail{}, false
	}
	from := e.ErrorDetail()
	message, _, _ := strings.Cut(from.Message, ": ")
	switch {
	case message == errText.Error() || message == errTwice.Error() || message == errNUL.Error():
	case strings.HasPrefix(message, "expected "), strings.HasPrefix(message, "required "), strings.HasPrefix(message, "write only "):
	case message == "unexpected property":
		message = "holds a property that this does not take"
	case message == "unknown query parameter":
		return Detail{Detail: "holds a parameter that this does not take", Parameter: "query"}, true
	case strings.HasPrefix(message, "invalid "):
		message = strings.Join(strings.Fields(message)[:2], " ")
	default:
		message = "not as described"
	}
	where, rest, _ := strings.Cut(from.Location, ".")
	if where, index, ok := strings.Cut(where, "["); ok && where == "body" {
		rest = strings.TrimPrefix("["+index+"."+rest, ".")
		rest = strings.TrimSuffix(rest, ".")
		return Detail{Detail: message, Pointer: pointer(rest)}, true
	}
	if where == "body" {
		return Detail{Detail: message, Pointer: pointer(rest)}, true
	}
	if !knownName(rest) {
		return Detail{Detail: message, Parameter: where}, true
	}
	return Detail{Detail: message, Parameter: where + "." + rest}, true
}

var segment = regexp.MustCompile(`^([^\[\]]*)((?:\[\d+\])*)$`)

// pointer writes huma's path as a JSON pointer, and stops at the first name
// that is not ours.
func pointer(path string) string {
	var b strings.Builder
	b.WriteByte('#')
	if path == "" {
		return b.String()
	}
	for _, part := range strings.Split(path, ".") {
		m := segment.FindStringSubmatch(part)
		if m == nil || m[1] != "" && !knownName(m[1]) {
			break
		}
		if m[1] != "" {
			b.WriteString("/" + m[1])
		}
		for _, index := range strings.FieldsFunc(m[2], func(c rune) bool { return c == '[' || c == ']' }) {
			b.WriteString("/" + index)
		}
	}
	return b.String()
}

// names are all that stand in the types of operations.
var names sync.Map

func knownName(s string) bool { _, ok := names.Load(s); return ok }

// learnNames walks a type for the names that its values have in JSON and in
// parameters.
func learnNames(t reflect.Type) { learn(t, map[reflect.Type]bool{}) }

func learn(t reflect.Type, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Name
		for _, tag := range []string{"json", "path", "query", "header", "form"} {
			if v, _, _ := strings.Cut(f.Tag.Get(tag), ","); v != "" && v != "-" {
				name = v
			}
		}
		names.Store(name, true)
		learn(f.Type, seen)
	}
}
