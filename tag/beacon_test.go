package tag_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"loot/tag"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]tag.Beacon{
		`{"kind":"view","page":"18446744073709551615","url":"https://example.org/a?b=c","referrer":"https://example.net/","site":"shop","width":5,"auto":true}`: {
			Kind: tag.View, Page: 1<<64 - 1, URL: "https://example.org/a?b=c", Referrer: "https://example.net/", Site: "shop", Width: 5, Automated: true,
		},
		`{"kind":"engagement","page":"7","url":"http://example.org/","time":61500,"scroll":104,"auto":false}`: {
			Kind: tag.Engagement, Page: 7, URL: "http://example.org/", Engaged: 61500 * time.Millisecond, Scroll: 100,
		},
		`{"kind":"event","page":"7","url":"http://example.org/","name":"Order","target":"yearly","value":49.9,"count":2}`: {
			Kind: tag.Event, Page: 7, URL: "http://example.org/", Name: "Order", Target: "yearly", Value: 49.9, Count: 2,
		},
		`{"kind":"view","page":"7","url":"http://example.org/","target":null,"later":{"more":[1]}}`: {
			Kind: tag.View, Page: 7, URL: "http://example.org/",
		},
	} {
		if got, err := tag.Parse([]byte(text)); err != nil || got != want {
			t.Errorf("%s\ngot  %+v, %v\nwant %+v", text, got, err, want)
		}
	}
}

// TestRefusedBeaconIsNotRepeated: an error says what is wrong by the name of
// the key, and nothing that was sent.
func TestRefusedBeaconIsNotRepeated(t *testing.T) {
	long := strings.Repeat("4711", 260)
	for _, c := range []struct{ key, value, want string }{
		{"kind", `"4711"`, "kind is not view, engagement or event"},
		{"kind", `4711`, "kind has the wrong type"},
		{"page", `4711`, "page has the wrong type"},
		{"page", `"x4711"`, "page is not a number of 64 bits in a string"},
		{"page", `"-4711"`, "page is not a number of 64 bits in a string"},
		{"page", `"18446744073709554711"`, "page is not a number of 64 bits in a string"},
		{"page", `""`, "page is not a number of 64 bits in a string"},
		{"url", `"file:///4711"`, "url is not an address of the web"},
		{"url", `["4711"]`, "url has the wrong type"},
		{"url", `"https://` + long + `"`, "url is longer than 1000 bytes"},
		{"referrer", `"` + long + `"`, "referrer is longer than 1000 bytes"},
		{"target", `"` + long + `"`, "target is longer than 1000 bytes"},
		{"name", `"` + long[:101] + `"`, "name is longer than 100 bytes"},
		{"name", `""`, "name is missing"},
		{"site", `"` + long[:101] + `"`, "site is longer than 100 bytes"},
		{"width", `4711`, "width is not between 0 and 5"},
		{"width", `"4711"`, "width has the wrong type"},
		{"auto", `4711`, "auto has the wrong type"},
		{"time", `-4711`, "time is not between 0 and 2147483647"},
		{"time", `47.11`, "time has the wrong type"},
		{"time", `47110000000000000000000`, "time has the wrong type"},
		{"scroll", `-4711`, "scroll is not between 0 and 2147483647"},
		{"value", `"4711"`, "value has the wrong type"},
		{"value", `4711e4711`, "value has the wrong type"},
		{"value", `1e308`, "value is not between 0 and 1000000000"},
		{"value", `1000004711`, "value is not between 0 and 1000000000"},
		{"value", `-0.4711`, "value is not between 0 and 1000000000"},
		{"count", `4711000000`, "count is not between 0 and 2147483647"},
		{"4711", `4711`, ""},
		{"4711", `4711x`, "not a JSON object"},
	} {
		sound := `"kind":"event","page":"7","url":"https://example.org/","name":"Order",`
		_, err := tag.Parse([]byte("{" + sound + `"` + c.key + `":` + c.value + "}"))
		if got := strings.TrimPrefix(fmt.Sprint(err), "tag: beacon: "); got != c.want && (err != nil || c.want != "") {
			t.Errorf("%s %.40s: got %q, want %q", c.key, c.value, got, c.want)
		}
	}
	for _, text := range []string{"", "4711", "[4711]", `"4711"`, "{", `{"kind":"view"}4711`} {
		if _, err := tag.Parse([]byte(text)); err == nil || err.Error() != "tag: beacon: not a JSON object" {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := tag.Parse([]byte(`{"later":"` + strings.Repeat("x", tag.MaxBeacon) + `"}`)); err == nil || err.Error() != "tag: beacon: longer than 4096 bytes" {
		t.Errorf("a long one: %v", err)
	}
}

// FuzzParse: whatever is sent, what is taken is within bounds, and there are
// few reasons for refusing.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"kind":"event","page":"7","url":"https://example.org/","name":"Order","value":1e3,"time":1}`))
	f.Add([]byte(`{"kind":"view","page":"","url":"http://","width":-1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := tag.Parse(body)
		switch {
		case err != nil:
			if b != (tag.Beacon{}) || len(err.Error()) > 80 {
				t.Errorf("%v, with %+v", err, b)
			}
		case len(b.URL)+len(b.Referrer)+len(b.Target) > 3000 || len(b.Site)+len(b.Name) > 200:
			t.Errorf("a string is too long: %+v", b)
		case !(b.Value >= 0 && b.Value <= tag.MaxValue) || b.Engaged < 0 || b.Scroll < 0 || b.Scroll > 100 || b.Width > 5:
			t.Errorf("a number is out of bounds: %+v", b)
		case b.Kind == tag.Event && b.Name == "":
			t.Errorf("an event without a name: %+v", b)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte(`{"kind":"view","page":"18446744073709551615","url":"https://example.org/a/longer/path?utm_source=letter","referrer":"https://example.net/","site":"shop","width":3,"auto":false}`)
	for b.Loop() {
		if _, err := tag.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
