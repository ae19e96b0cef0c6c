package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"loot"
)

// An Identity is who asks, as the sign-in desk knows them. The zero Identity
// is a visitor.
type Identity struct {
	Actor loot.Actor
	Name  string    // shown to themself beside the way out; never logged
	At    time.Time // when they last proved who they are
}

type (
	identityKey struct{}
	exchangeKey struct{}
)

// An exchange is what the shell knows about the request that it is serving.
type exchange struct {
	shell *Shell
	mux   *http.ServeMux // nil: mounted without Handler, as in a test
	id    string
	route Route
	// pattern is of the mux, and so known too when the route is not ours.
	pattern string
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{}
	}
	return x
}

// WithIdentity returns a context in which who asks.
func WithIdentity(ctx context.Context, who Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, who)
}

// IdentityOf returns who asks.
func IdentityOf(ctx context.Context) Identity {
	who, _ := ctx.Value(identityKey{}).(Identity)
	if who.Actor.Kind == "" {
		who.Actor.Kind = loot.Visitor
	}
	return who
}

// ActorOf returns who acts; a visitor if nobody signed in.
func ActorOf(ctx context.Context) loot.Actor { return IdentityOf(ctx).Actor }

// RequestID returns the random name of the request, which the answer carries
// in its Request-Id header and the log in its lines.
func RequestID(ctx context.Context) string { return exchangeOf(ctx).id }

// Fresh is how lately somebody has to have proved who they are for what an
// account, or other people, hang on.
const Fresh = 15 * time.Minute

func (who Identity) needFresh(now time.Time) error {
	if who.At.IsZero() || now.Sub(who.At) > Fresh {
		return loot.Errorf(loot.SignIn, "Please sign in again: this needs a fresh sign-in.")
	}
	return nil
}

// NeedFresh returns an error of kind SignIn unless whoever asks proved who
// they are within the last quarter of an hour. It guards single deeds; a whole
// route says so in its Fresh.
func NeedFresh(r *http.Request, now time.Time) error {
	return IdentityOf(r.Context()).needFresh(now)
}

// SignInAgain leads whoever looks at a page to a fresh sign-in and back, before
// a deed on it that needs one; nil for whoever just signed in. The deed begins
// a sentence, such as "Signing".
func SignInAgain(r *http.Request, now time.Time, deed string) *Alert {
	who := IdentityOf(r.Context())
	if who.needFresh(now) == nil {
		return nil
	}
	x := exchangeOf(r.Context())
	door := x.shell.signIn(x.route.Audience)
	return &Alert{
		Tone: Info, Text: deed + " needs a sign-in from the last quarter of an hour.",
		Actions: []Action{{Label: "Sign in again", Icon: "log-in", Href: door + "?next=" + url.QueryEscape(r.URL.Path), Small: true}},
	}
}

// admit says whether whoever asks may reach the route.
func admit(rt Route, who Identity, now func() time.Time) error {
	need := loot.ActorKind("")
	switch rt.Audience {
	case Public:
		return nil
	case Portal:
		need = loot.Person
	case Console:
		need = loot.Staff
	case Nobody:
		return notFound
	default:
		return notFound
	}
	switch who.Actor.Kind {
	case need:
	case loot.Visitor:
		return loot.Errorf(loot.SignIn, "Please sign in first.")
	default:
		return notFound // the customer learns nothing about the console
	}
	if len(rt.Roles) > 0 && !hasAny(who.Actor, rt.Roles) {
		return loot.Errorf(loot.Denied, "Your role does not have this page. Whoever administers the roles can change that, with a second person's approval.")
	}
	if rt.Fresh {
		return who.needFresh(now())
	}
	return nil
}

var notFound = loot.Errorf(loot.NotFound, "There is no such page.")

func hasAny(a loot.Actor, roles []loot.Role) bool {
	for _, r := range roles {
		if a.Has(r) {
			return true
		}
	}
	return false
}
