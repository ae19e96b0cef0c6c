package web_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"loot"
	"loot/web"
	"loot/web/webtest"
)

func TestBadFormsAreRefusedWithoutRepeatingThem(t *testing.T) {
	s := webtest.New(t, web.Options{NoLimits: true}, []web.Route{{Pattern: "POST /f", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.Form(r, 2000, "password")
		if err != nil {
			return err
		}
		if err := (web.Fields{{Name: "name", Type: "textarea"}}).Check(in); err != nil {
			return err
		}
		fmt.Fprintf(w, "%q", in.Get("name"))
		return nil
	}}})
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for name, c := range map[string]struct {
		body string
		want int
	}{
		"good":            {"name=+Erika%0D%0AM.+", 200},
		"umlaut":          {"name=D%C3%BCne+%F0%9F%8C%8A", 200},
		"too long":        {"name=" + strings.Repeat("Erika", 500), 413},
		"not UTF-8":       {"name=Erika%FF", 422},
		"NUL":             {"name=Erika%00", 422},
		"password":        {"password=Erika%FF", 422},
		"control":         {"name=Erika%1B%5B2J", 422},
		"turned around":   {"name=Erika%E2%80%AEgpj", 422},
		"name not UTF-8":  {"Erika%FF=1", 422},
		"broken escape":   {"name=Erika%ZZ", 422},
		"semicolon":       {"name=Erika;x=1", 422},
		"too many values": {strings.Repeat("&", 501), 413},
	} {
		a := s.Do("POST", "/f", c.body, form)
		if a.Status != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, a.Status, c.want, a.Body)
		}
		if c.want != 200 && strings.Contains(a.Body, "Erika") {
			t.Errorf("%s: the refusal repeats what was sent", name)
		}
	}
	if a := s.Do("POST", "/f", `{"name": "Erika"}`, http.Header{"Content-Type": {"application/json"}}); a.Status != http.StatusUnsupportedMediaType || strings.Contains(a.Body, "Erika") {
		t.Errorf("JSON: status %d: %s", a.Status, a.Body)
	}
	if a := s.Do("POST", "/f", "name=+Erika%0D%0AM.+", form); a.Body != `"Erika\nM."` {
		t.Errorf("the value reads %s", a.Body)
	}
}

func TestWhatIsNamedIsTakenAsItWasTyped(t *testing.T) {
	form := func(body string) *http.Request {
		r, _ := http.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		return r
	}
	in, err := web.Form(form("secret=+a+&password=+a+&text=+a%0D%0Ab%0D%0A"), 0, "secret", "text")
	if err != nil || in.Get("secret") != " a " || in.Get("password") != "a" || in.Get("text") != " a\nb\n" {
		t.Errorf("%q %v", in, err)
	}
	if in, err := web.Form(form("secret=a%FF"), 0, "secret"); loot.KindOf(err) != loot.Invalid {
		t.Errorf("no text: %q %v", in, err)
	}
	in, _, err = web.Upload(upload(t, func(mw *multipart.Writer) { mw.WriteField("text", " a "); mw.WriteField("name", " a ") }), 1000, "text")
	if err != nil || in.Get("text") != " a " || in.Get("name") != "a" {
		t.Errorf("with files: %q %v", in, err)
	}
}

func upload(t *testing.T, fill func(*multipart.Writer)) *http.Request {
	t.Helper()
	var b bytes.Buffer
	mw := multipart.NewWriter(&b)
	fill(mw)
	mw.Close()
	r, err := http.NewRequest(http.MethodPost, "/", &b)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mw.FormDataContentType())
	return r
}

func TestUploadIsBoundedAndNamesNoFolder(t *testing.T) {
	r := upload(t, func(mw *multipart.Writer) {
		mw.WriteField("reference", "4 Js 77")
		w, _ := mw.CreateFormFile("letter", `C:\Users\Erika\letter.pdf`)
		w.Write([]byte("%PDF-1.4 ..."))
	})
	in, files, err := web.Upload(r, 1000)
	if err != nil {
		t.Fatal(err)
	}
	f := files["letter"][0]
	if in.Get("reference") != "4 Js 77" || f.Name != "letter.pdf" || f.Type != "application/pdf" || len(f.Content) != 12 {
		t.Errorf("%v %q %q %d", in, f.Name, f.Type, len(f.Content))
	}
	r = upload(t, func(mw *multipart.Writer) {
		for range 3 {
			w, _ := mw.CreateFormFile("letter", "a")
			w.Write(bytes.Repeat([]byte("a"), 400))
		}
	})
	if _, _, err := web.Upload(r, 1000); loot.KindOf(err) != loot.TooLarge {
		t.Errorf("three files that together are too large: %v", err)
	}
}

var sample = web.Fields{
	{Name: "email", Label: "E-mail", Type: "email", Required: true, MaxLen: 20, Hint: "h", Why: "w"},
	{Name: "country", Label: "Country", Type: "select", Options: []web.Option{{Value: "DE", Label: "Germany"}, {Value: "XX", Label: "Closed", Disabled: true}}},
	{Name: "what", Label: "What", Type: "checkboxes", Options: []web.Option{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}},
	{Name: "agree", Label: "Agree", Type: "checkbox"},
	{Name: "password", Label: "Password", Type: "password"},
	{Name: "note", Label: "Note", Type: "textarea"},
}

func TestFieldsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		in    url.Values
		wrong string
	}{
		"good":          {url.Values{"email": {"a@b.example"}, "country": {"DE"}, "what": {"a", "b"}, "agree": {"on"}, "note": {"two\nlines"}}, ""},
		"missing":       {url.Values{}, "email"},
		"empty":         {url.Values{"email": {""}}, "email"},
		"long":          {url.Values{"email": {strings.Repeat("ü", 21)}}, "email"},
		"just fits":     {url.Values{"email": {strings.Repeat("ü", 20)}}, ""},
		"two lines":     {url.Values{"email": {"a\nb"}}, "email"},
		"twice":         {url.Values{"email": {"a", "b"}}, "email"},
		"not text":      {url.Values{"email": {"a\ufffd"}}, "email"},
		"not offered":   {url.Values{"email": {"a"}, "country": {"FR"}}, "country"},
		"closed":        {url.Values{"email": {"a"}, "country": {"XX"}}, "country"},
		"not among":     {url.Values{"email": {"a"}, "what": {"a", "z"}}, "what"},
		"none of a few": {url.Values{"email": {"a"}, "what": nil}, ""},
	} {
		err := sample.Check(c.in)
		wrong := web.Wrong(err)
		if c.wrong == "" && err != nil || c.wrong != "" && (len(wrong) != 1 || wrong[c.wrong] == "") {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

func TestALongValueIsToldHowLongItMayBe(t *testing.T) {
	err := sample.Check(url.Values{"email": {strings.Repeat("ü", 21)}})
	if got := web.Wrong(err)["email"]; !strings.Contains(got, "20 characters") {
		t.Errorf("%q", got)
	}
}

// TestALabelThatIsASentenceStandsWithoutItsPeriodAboveTheForm, where a colon
// and what is wrong follow it.
func TestALabelThatIsASentenceStandsWithoutItsPeriodAboveTheForm(t *testing.T) {
	fs := web.Fields{{Name: "sure", Label: "End it.", Error: "Please tick this."}}
	if got := web.ProblemsOf(web.Invalid("", map[string]string{"sure": "no"}), fs).Fields[0].Label; got != "End it" || fs[0].Label != "End it." {
		t.Errorf("%q above the form, %q beside the field", got, fs[0].Label)
	}
}

func TestFormComesBackWithWhatWasTypedAndWhatIsWrong(t *testing.T) {
	page := web.NewPage[formView](galleryFiles, "testdata/gallery/form.html")
	s := webtest.New(t, web.Options{}, []web.Route{{Pattern: "POST /f", Audience: web.Public, Serve: func(w http.ResponseWriter, r *http.Request) error {
		in, err := web.Form(r, 0)
		if err != nil {
			return err
		}
		err = web.Invalid("", map[string]string{"email": "This is not an address."})
		fs := sample.With(in, err)
		return page.Render(w, r, http.StatusUnprocessableEntity, formView{View: web.ViewOf(r, "F"), Wrong: web.ProblemsOf(err, fs), Sets: []fieldset{{Legend: "All", Fields: fs}}})
	}}})
	a := s.Post("/f", "email", `"><script>x</script>@`, "country", "DE", "what", "b", "agree", "on", "password", "hunter2", "note", "<b>\nnote")
	for _, want := range []string{
		`value="&#34;&gt;&lt;script&gt;x&lt;/script&gt;@"`, `<option value="DE" selected>`, `id="f-what-1" name="what" value="b" checked`,
		`name="agree" value="on" checked`, "&lt;b&gt;\nnote</textarea>", "This is not an address.", `aria-invalid="true"`,
		`aria-describedby="f-email-error f-email-hint f-email-why"`, `href="#f-email"`, `autocomplete="off"`,
	} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the form does not hold %q", want)
		}
	}
	if strings.Contains(a.Body, "hunter2") {
		t.Error("the password came back")
	}
	if a.Status != 422 || strings.Contains(a.Body, "<script>x") {
		t.Errorf("status %d", a.Status)
	}
}

func TestLocalLeadsNowhereElse(t *testing.T) {
	for _, bad := range []string{"", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/a\n/b", "/\t/evil.example", "javascript:alert(1)", "/\xff"} {
		if got := web.Local(bad, "/home"); got != "/home" {
			t.Errorf("Local(%q) = %q", bad, got)
		}
	}
	for _, good := range []string{"/", "/portal?tab=1#x", "/a//b", "/a@b"} {
		if got := web.Local(good, "/home"); got != good {
			t.Errorf("Local(%q) = %q", good, got)
		}
	}
}

func FuzzForm(f *testing.F) {
	f.Add("a=b&c=%C3%BC")
	f.Add("a=%00")
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		in, err := web.Form(r, 0)
		if err != nil {
			if k := loot.KindOf(err); k != loot.Invalid && k != loot.TooLarge {
				t.Errorf("kind %d", k)
			}
			return
		}
		for k, list := range in {
			for _, v := range append(list, k) {
				if strings.ContainsAny(v, "\x00\r\x1b") {
					t.Errorf("%q got through", v)
				}
			}
		}
	})
}
