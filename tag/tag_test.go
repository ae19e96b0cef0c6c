package tag_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"loot/tag"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct {
		name   string
		script tag.Script
		most   int
	}{
		{"core", tag.Core(), 700},
		{"full", tag.Full(), 1000},
	} {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(c.script.Text))
		w.Close()
		t.Logf("the %s script has %d bytes, %d by gzip", c.name, len(c.script.Text), packed.Len())
		if packed.Len() > c.most {
			t.Errorf("the %s script has %d bytes by gzip, at most %d are allowed", c.name, packed.Len(), c.most)
		}
	}
}

// TestScriptsReachForNothing: neither names what keeps something on a device,
// tells one device from another, makes time of its own, or stands in the way of
// the back-forward cache.
func TestScriptsReachForNothing(t *testing.T) {
	for name, script := range map[string]tag.Script{"core": tag.Core(), "full": tag.Full()} {
		for _, word := range strings.Fields(`
			cookie storage indexedDB openDatabase caches serviceWorker window.name history.state replaceState etag
			fetch XMLHttp Image import( Worker WebSocket RTC iframe
			canvas WebGL fonts plugins mimeTypes userAgent platform language hardwareConcurrency deviceMemory screen devicePixelRatio
			colorDepth maxTouchPoints Battery connection geolocation mediaDevices Audio speech Intl Timezone Date timeOrigin
			timing getEntries setTimeout setInterval requestAnimationFrame requestIdle unload eval Function innerHTML write( value.length`) {
			if strings.Contains(strings.ToLower(script.Text), strings.ToLower(word)) {
				t.Errorf("the %s script says %s", name, word)
			}
		}
	}
}

func TestScriptIsNamedByItsText(t *testing.T) {
	core, full := tag.Core(), tag.Full()
	if core.Hash == full.Hash || core.Hash != url.PathEscape(core.Hash) || len(core.Hash) < 20 {
		t.Errorf("the hashes are %s and %s", core.Hash, full.Hash)
	}
	sum := sha512.Sum384([]byte(core.Text))
	if want := "sha384-" + base64.StdEncoding.EncodeToString(sum[:]); core.Integrity != want {
		t.Errorf("got %s, want %s", core.Integrity, want)
	}
}

func TestEmbed(t *testing.T) {
	script := tag.Script{Integrity: "sha384-a+b/c="}
	for _, c := range []struct {
		embedding tag.Embedding
		want      string
	}{
		{
			tag.Embedding{Script: script, Src: "/x/1.js"},
			`<script defer src="/x/1.js" integrity="sha384-a+b/c=" crossorigin="anonymous"></script>` + "\n",
		},
		{
			tag.Embedding{Script: script, Src: "https://stats.example.org/x/1.js", To: "/tell", Pixel: "https://stats.example.org/x?site=1&v=2", Site: `a"<b>`, Hash: true},
			`<script defer src="https://stats.example.org/x/1.js" integrity="sha384-a+b/c=" crossorigin="anonymous" data-to="/tell" data-site="a&#34;&lt;b&gt;" data-hash></script>` + "\n" +
				`<noscript><img src="https://stats.example.org/x?site=1&amp;v=2" referrerpolicy="no-referrer-when-downgrade" width="1" height="1" alt=""></noscript>` + "\n",
		},
	} {
		got, err := tag.Embed(c.embedding)
		if err != nil || got != c.want {
			t.Errorf("got %v\n%s\nwant\n%s", err, got, c.want)
		}
	}
	for _, e := range []tag.Embedding{
		{},
		{Src: "x.js"},
		{Src: "https:x.js"},
		{Src: "/x.js", To: "javascript:alert(1)"},
		{Src: "/x.js", Pixel: "data:image/gif,x"},
		{Src: "https://%zz/x.js"},
	} {
		if got, err := tag.Embed(e); err == nil {
			t.Errorf("%+v makes %s", e, got)
		}
	}
}
