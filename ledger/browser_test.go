package ledger_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"loot/ledger"
)

// TestVerifierPageInABrowser opens the page as a saved file, so without a
// network, and under its own policy. LOOT_SCREENSHOTS names a folder to put
// pictures in.
func TestVerifierPageInABrowser(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Fatal("chromium is missing, so the page is not opened in a browser; scripts/install-test-tools installs it")
	}
	s := newSample(t, 9)
	dir := t.TempDir()
	page, _ := ledger.VerifierPage(s.key)
	without, _ := ledger.VerifierPage("")
	changed := []byte(strings.Replace(string(s.receipt), "\nindex 4", "\nindex 5", 1))
	for name, b := range map[string][]byte{"page.html": page, "without.html": without, "receipt.tlog-proof": s.receipt, "changed.tlog-proof": changed, "what-we-hold.json": []byte(`{"id":"s1","timeline":[]}`)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox)...)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	for _, c := range []struct{ page, file, want string }{
		{"page.html", "receipt.tlog-proof", "The receipt holds."}, // in words, and with what it rests on
		{"page.html", "receipt.tlog-proof", "opening"},
		{"page.html", "receipt.tlog-proof", "a member of staff in the role support; the name stays closed"},
		{"page.html", "receipt.tlog-proof", "name, contact.email"},
		{"page.html", "receipt.tlog-proof", "This key comes from the very server"},
		{"without.html", "receipt.tlog-proof", "Its signer is not trusted."},
		{"page.html", "changed.tlog-proof", "The receipt does not hold."},
		{"page.html", "what-we-hold.json", "This is not a proof."},
		{"page.html", "what-we-hold.json", "loot verify FILE"},
	} {
		err := chromedp.Do(
			ctx,
			chromedp.EmulateViewport(390, 844),
			chromedp.Navigate("file://"+filepath.Join(dir, c.page)),
			chromedp.SetUploadFiles("#file", []string{filepath.Join(dir, c.file)}),
		)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		within(t, 10*time.Second, "an answer", func() bool {
			text, err = chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById('result').innerText`))
			return err != nil || text != ""
		})
		if err != nil || !strings.Contains(text, c.want) {
			t.Errorf("%s with %s says %q (%v), want %q", c.page, c.file, text, err, c.want)
		}
		if c.file == "changed.tlog-proof" && !strings.Contains(text, ", bytes ") {
			t.Errorf("no place is named: %q", text)
		}
		said, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
		if n := strings.Count(said, "This key comes from the very server"); err != nil || n > 1 {
			t.Errorf("the paragraph about the key stands %d times (%v)", n, err)
		}
		if strings.Contains(text, `"action"`) || strings.Contains(text, "undefined") {
			t.Errorf("the raw part is not folded, or something is missing: %q", text)
		}
		if c.page == "without.html" && strings.Contains(text, "This key comes from") {
			t.Errorf("a key is said to come from the server: %q", text)
		}
		wide, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
		if err != nil || wide {
			t.Errorf("the page is wider than a phone: %v %v", wide, err)
		}
		if to := os.Getenv("LOOT_SCREENSHOTS"); to != "" {
			b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, "verifier-"+c.page+"-"+c.file+".png"), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
