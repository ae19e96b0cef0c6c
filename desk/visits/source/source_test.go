package source_test

import (
	"net/url"
	"strings"
	"testing"

	"loot/desk/visits/scrub"
	"loot/desk/visits/source"
)

var lists = source.New([]string{"www.example.org", "shop.example.org"}, []string{"made-up-spam.example", "spam.hoster.example"})

func query(t testing.TB, q string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(q)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSources(t *testing.T) {
	type campaign = scrub.Campaign
	for _, c := range []struct {
		referrer, query string
		want            source.Source
	}{
		{"", "", source.Source{Channel: source.Direct}},
		{"about:client", "", source.Source{Channel: source.Direct}},
		{"::::", "", source.Source{Channel: source.Direct}},
		{"https://example.org/a", "", source.Source{Channel: source.Internal}},
		{"https://SHOP.example.org:443/", "utm_source=x", source.Source{Channel: source.Internal}},
		{"https://blog.example.org/", "", source.Source{Channel: source.Referral, Name: "example.org"}},
		{"https://deep.sub.example.co.uk/page?secret=1", "", source.Source{Channel: source.Referral, Name: "example.co.uk"}},
		{"http://192.0.2.7/", "", source.Source{Channel: source.Referral, Name: "(address)"}},
		{"http://[2001:db8::1]:8080/", "", source.Source{Channel: source.Referral, Name: "(address)"}},

		{"https://www.google.com/", "", source.Source{Channel: source.Search, Name: "Google"}},
		{"https://www.google.co.uk/", "", source.Source{Channel: source.Search, Name: "Google"}},
		{"https://images.google.de/", "", source.Source{Channel: source.Search, Name: "Google"}},
		{"https://docs.google.com/", "", source.Source{Channel: source.Referral, Name: "Google"}},
		{"https://google.evil.example/", "", source.Source{Channel: source.Referral, Name: "evil.example"}},
		{"https://de.search.yahoo.com/", "", source.Source{Channel: source.Search, Name: "Yahoo!"}},
		{"https://mail.yandex.kz/", "", source.Source{Channel: source.Mail, Name: "Yandex"}},
		{"https://int.search.ask.com/", "", source.Source{Channel: source.Search, Name: "Ask"}},
		{"https://search.provider.example/", "", source.Source{Channel: source.Search, Name: "provider.example"}},
		{"https://search.example/", "", source.Source{Channel: source.Referral, Name: "search.example"}},
		{"https://someone.social/", "", source.Source{Channel: source.Social, Name: "someone.social"}},
		{"https://duckduckgo.com/", "", source.Source{Channel: source.Search, Name: "DuckDuckGo"}},
		{"https://yandex.ru/", "", source.Source{Channel: source.Search, Name: "Yandex"}},
		{"android-app://com.google.android.googlequicksearchbox/", "", source.Source{Channel: source.Search, Name: "Google"}},

		{"https://chatgpt.com/", "", source.Source{Channel: source.AI, Name: "ChatGPT"}},
		{"", "utm_source=chatgpt.com", source.Source{Channel: source.AI, Name: "ChatGPT", Campaign: campaign{Source: "chatgpt.com"}}},
		{"https://gemini.google.com/", "", source.Source{Channel: source.AI, Name: "Gemini"}},
		{"https://www.perplexity.ai/", "", source.Source{Channel: source.AI, Name: "Perplexity"}},

		{"https://t.co/abc", "", source.Source{Channel: source.Social, Name: "X"}},
		{"https://l.facebook.com/", "fbclid=IwAR0", source.Source{Channel: source.Social, Name: "Facebook", Clicked: true}},
		{"", "fbclid=IwAR0", source.Source{Channel: source.Social, Name: "Facebook", Clicked: true}},
		{"https://www.pinterest.de/", "", source.Source{Channel: source.Social, Name: "Pinterest"}},

		{"https://mail.google.com/", "", source.Source{Channel: source.Mail, Name: "Gmail"}},
		{"android-app://com.google.android.gm/", "", source.Source{Channel: source.Mail, Name: "Gmail"}},
		{"https://webmail.firm.example/", "", source.Source{Channel: source.Mail, Name: "firm.example"}},
		{"", "utm_source=newsletter", source.Source{Channel: source.Mail, Name: "newsletter", Campaign: campaign{Source: "newsletter"}}},
		{"", "utm_source=spring&utm_medium=Email", source.Source{Channel: source.Mail, Name: "spring", Campaign: campaign{Source: "spring", Medium: "Email"}}},
		{"", "mc_eid=abc", source.Source{Channel: source.Mail, Name: "Mailchimp", Clicked: true}},

		{"https://www.google.com/", "gclid=Cj0", source.Source{Channel: source.Paid, Name: "Google", Clicked: true}},
		{"", "msclkid=1&fbclid=2", source.Source{Channel: source.Paid, Name: "Bing", Clicked: true}},
		{"https://www.google.com/", "GCLID=Cj0&utm_campaign=c", source.Source{Channel: source.Paid, Name: "Google", Clicked: true, Campaign: campaign{Name: "c"}}},
		{"", "utm_source=fb&utm_medium=cpc", source.Source{Channel: source.Paid, Name: "Facebook", Campaign: campaign{Source: "fb", Medium: "cpc"}}},
		{"", "utm_source=linkedin&utm_medium=paid_social", source.Source{Channel: source.Paid, Name: "LinkedIn", Campaign: campaign{Source: "linkedin", Medium: "paid_social"}}},
		{"https://ad.doubleclick.net/", "", source.Source{Channel: source.Paid, Name: "Doubleclick"}},

		{"https://partner.example/", "utm_campaign=spring", source.Source{Channel: source.Campaign, Name: "partner.example", Campaign: campaign{Name: "spring"}}},
		{"", "utm_source=leaflet&utm_medium=qr", source.Source{Channel: source.Campaign, Name: "leaflet", Campaign: campaign{Source: "leaflet", Medium: "qr"}}},
		{"", "utm_source=ann@example.org", source.Source{Channel: source.Campaign, Name: "{email}", Campaign: campaign{Source: "{email}"}}},
		{"", "ref=producthunt", source.Source{Channel: source.Campaign, Name: "producthunt", Campaign: campaign{Source: "producthunt"}}},
		{"", "q=secret&session=1", source.Source{Channel: source.Direct}},

		{"https://semalt.com/x", "", source.Source{Channel: source.Spam, Name: "semalt.com"}},
		{"https://free-share-buttons.example/", "utm_source=google", source.Source{Channel: source.Spam, Name: "free-share-buttons.example"}},
		{"https://spam.hoster.example/", "", source.Source{Channel: source.Spam, Name: "hoster.example"}},
		{"https://honest.hoster.example/", "", source.Source{Channel: source.Referral, Name: "hoster.example"}},
		{"https://www.made-up-spam.example/", "", source.Source{Channel: source.Spam, Name: "made-up-spam.example"}},
	} {
		if got := lists.Of(c.referrer, query(t, c.query)); got != c.want {
			t.Errorf("%q %q:\n got %+v\nwant %+v", c.referrer, c.query, got, c.want)
		}
	}
}

// TestClickIDsAreNotKept: of an id that names a click nothing is left.
func TestClickIDsAreNotKept(t *testing.T) {
	const secret = "SeCrEt0123456789"
	for _, key := range []string{"gclid", "fbclid", "msclkid", "ttclid", "mc_eid", "_hsenc", "yclid"} {
		got := lists.Of("https://www.google.com/?"+key+"="+secret, query(t, key+"="+secret+"&utm_source=google"))
		if text := string(got.Channel) + got.Name + got.Campaign.Source + got.Campaign.Medium + got.Campaign.Name + got.Campaign.Term + got.Campaign.Content; strings.Contains(text, secret) || !got.Clicked {
			t.Errorf("%s: got %+v", key, got)
		}
	}
}

func TestSpamListIsRead(t *testing.T) {
	got, err := source.ReadSpam(strings.NewReader("# made up\nspam.example\n\n  more.example  \n"))
	if err != nil || strings.Join(got, " ") != "spam.example more.example" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, wrong := range []string{"fine.example\nhttps://spam.example/", "nohost", "two hosts.example"} {
		if _, err := source.ReadSpam(strings.NewReader(wrong)); err == nil || !strings.Contains(err.Error(), "line") {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
}

// TestKnownSitesAreNoSpam: what the lists know is not held for made up.
func TestKnownSitesAreNoSpam(t *testing.T) {
	for _, host := range source.Hosts() {
		host = strings.Replace(host, "*", "com", 1)
		if got := lists.Of("https://"+host+"/", nil); got.Channel == source.Spam || got.Channel == source.Direct {
			t.Errorf("%s: got %+v", host, got)
		}
	}
}

func FuzzOf(f *testing.F) {
	f.Add("https://www.google.com/", "utm_source=a&gclid=b")
	f.Add("android-app://com.google.android.gm/", "")
	f.Add("https://user:password@example.org:99999/", "utm_medium=%ff")
	f.Add("https://.../", "utm_source=...")
	f.Fuzz(func(t *testing.T, referrer, q string) {
		values, err := url.ParseQuery(q)
		if err != nil {
			return
		}
		got := lists.Of(referrer, values)
		if got != lists.Of(referrer, values) {
			t.Error("two answers to one question")
		}
		if len(got.Name) > 100 || got.Channel == "" {
			t.Errorf("got %+v", got)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	for name, c := range map[string]struct{ referrer, query string }{
		"direct": {"", ""}, "internal": {"https://www.example.org/a", ""}, "search": {"https://www.google.co.uk/", ""}, "referral": {"https://a.b.example.co.uk/x", ""},
		"campaign": {"https://l.facebook.com/", "utm_source=newsletter&utm_medium=email&utm_campaign=spring&fbclid=abc"},
		"hostile":  {"https://" + strings.Repeat("a.", 1000) + "example/", "utm_source=" + strings.Repeat("a.b@", 20000)},
	} {
		values := query(b, c.query)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				lists.Of(c.referrer, values)
			}
		})
	}
}
