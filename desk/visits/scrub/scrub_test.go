package scrub_test

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"loot/desk/visits/scrub"
)

func TestPath(t *testing.T) {
	for path, want := range map[string]string{
		"":                           "/",
		"/":                          "/",
		"/blog/2026/03/how-we-write": "/blog/2026/03/how-we-write",
		"/Rechtsschutzversicherungsgesellschaften":    "/Rechtsschutzversicherungsgesellschaften",
		"/vergleich/iPhone15ProMax-vs-GalaxyS24Ultra": "/vergleich/iPhone15ProMax-vs-GalaxyS24Ultra",
		"/v2.14.1/notes":                                        "/v2.14.1/notes",
		"/@handle/post":                                         "/@handle/post",
		"/caf%C3%A9":                                            "/café",
		"/unsubscribe/ann@example.org":                          "/unsubscribe/{email}",
		"/u/ann%40example.org/x":                                "/u/{email}/x",
		"/u/ann%252540example.org":                              "/u/{email}",
		"/u/ann@example.org@":                                   "/u/{email}",
		"/to:ann.b+c@example.org,d":                             "/to:{email},d",
		"/orders/1234567":                                       "/orders/{number}",
		"/orders/no-20260131-a":                                 "/orders/no-{number}-a",
		"/orders/12345":                                         "/orders/12345",
		"/r/d41d8cd98f00b204e9800998ecf8427e":                   "/r/{token}",
		"/r/550e8400-e29b-41d4-a716-446655440000/edit":          "/r/{token}/edit",
		"/r/dGhpcyBpcyBhIHRva2Vu-YQ_x9":                         "/r/{token}",
		"/r/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x": "/r/{token}.{token}.x",
		"/a;jsessionid=0123/b;x":                                "/a/b",
		"/a?token=b#c":                                          "/a",
		"/a%3Fmail=b":                                           "/a",
		"/from/192.0.2.77/x":                                    "/from/{address}/x",
		"/a\x00\x1f\nb":                                         "/ab",
		"no-slash":                                              "/no-slash",
		"/\xff\xfe":                                             "/\uFFFD",
	} {
		if got := scrub.Path(path); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		" spring sale ":              "spring sale",
		"mail to ann@example.org":    "mail to {email}",
		"customer 4711081500":        "customer {number}",
		"newsletter-2026-03":         "newsletter-2026-03",
		strings.Repeat("wort ", 100): strings.TrimSpace(strings.Repeat("wort ", 20)),
	} {
		if got := scrub.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestQueryKeepsCampaignsAlone(t *testing.T) {
	for query, want := range map[string]scrub.Campaign{
		"utm_source=mail&utm_medium=Email&utm_campaign=spring&utm_term=a&utm_content=b&email=ann@example.org&id=7": {Source: "mail", Medium: "Email", Name: "spring", Term: "a", Content: "b"},
		"mtm_campaign=m&utm_campaign=u&pk_campaign=p":                                                              {Name: "u"},
		"utm_id=7&utm_campaign=u":      {Name: "u"},
		"utm_id=7":                     {Name: "7"},
		"ref=hn":                       {Source: "hn"},
		"utm_source=ann@example.org":   {Source: "{email}"},
		"q=secret&gclid=abc&session=1": {},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := scrub.Query(values); got != want {
			t.Errorf("%s: got %+v, want %+v", query, got, want)
		}
	}
}

// TestNobodyIsLeft puts what names somebody into a path that does not.
func TestNobodyIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.OneOf(
			rapid.StringMatching(`[a-z]{3,8}(\.[a-z]{2,8})?@[a-z]{3,8}\.(org|de|co\.uk)`),
			rapid.StringMatching(`[0-9]{6,20}`),
			rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`),
			rapid.StringMatching(`[0-9a-f]{32}`),
		).Draw(t, "secret")
		before := rapid.StringMatching(`(/[a-z-]{0,12}){0,3}/`).Draw(t, "before")
		after := rapid.StringMatching(`(/[a-z.-]{0,12}){0,3}`).Draw(t, "after")
		written := secret
		for range rapid.IntRange(0, 3).Draw(t, "encoded") {
			written = url.PathEscape(strings.ReplaceAll(written, "@", "%40"))
		}
		if got := scrub.Path(before + written + after); strings.Contains(got, secret) {
			t.Fatalf("%q is left in %q", secret, got)
		}
	})
}

func lawful(t interface{ Fatalf(string, ...any) }, in, out, again string, longest int) {
	if out != again {
		t.Fatalf("%q: %q and then %q", in, out, again)
	}
	if len(out) > longest || !utf8.ValidString(out) {
		t.Fatalf("%q: got %d bytes, %q", in, len(out), out)
	}
}

func TestScrubbedStaysScrubbed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`([aB1/.@%4;-]|\{|\}|[0-9]{5}|[a-z]{9}){0,80}`)).Draw(t, "text")
		lawful(t, in, scrub.Path(in), scrub.Path(scrub.Path(in)), 256)
		lawful(t, in, scrub.Text(in), scrub.Text(scrub.Text(in)), 100)
	})
}

func FuzzScrub(f *testing.F) {
	for _, s := range []string{"/a/b", "/u/ann%40example.org", "/r/550e8400-e29b-41d4-a716-446655440000", "%%3440", strings.Repeat("a@b,", 200), "/\xff%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		lawful(t, in, scrub.Path(in), scrub.Path(scrub.Path(in)), 256)
		lawful(t, in, scrub.Text(in), scrub.Text(scrub.Text(in)), 100)
	})
}

func BenchmarkPath(b *testing.B) {
	for name, path := range map[string]string{
		"plain":   "/blog/2026/03/how-we-write-about-things",
		"token":   "/r/550e8400-e29b-41d4-a716-446655440000/edit",
		"hostile": strings.Repeat("%25", 50000) + strings.Repeat("a@b/1234567/", 1000),
		"dense":   strings.Repeat("aB1cD2eF-lower-lower-123456-", 100),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				scrub.Path(path)
			}
		})
	}
}
