package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"loot"
)

const (
	maxForm   = 256 << 10 // bytes of a form that names no limit
	maxValues = 500       // values in one form
)

// Form reads the form that was sent: at most max bytes (0: 256 KiB) and 500
// values. Line ends become "\n" and spaces around a value are dropped. What is
// not text in a value, such as broken UTF-8 or a control character, becomes the
// replacement character, which [Fields.Check] complains of beside the field, so
// that the other answers are not lost. The values of the names in exact, such
// as a password or the text of a file, are kept as they were typed, and refused
// if they are not text. So is anything else, without repeating it.
func Form(r *http.Request, max int64, exact ...string) (url.Values, error) {
	if max == 0 {
		max = maxForm
	}
	switch t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t {
	case "multipart/form-data":
		values, _, err := upload(r, max, mend, exact)
		return values, err
	case "", "application/x-www-form-urlencoded":
	default:
		return nil, loot.Errorf(loot.Unsupported, "This takes a form, sent as application/x-www-form-urlencoded or multipart/form-data.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, max+1))
	if err != nil {
		return nil, readError(err)
	}
	if int64(len(body)) > max {
		return nil, errFormTooLarge
	}
	return parseValues(string(body), mend, exact)
}

// Query reads what stands behind the question mark of the address, checked as
// by [Form]. Nothing personal belongs there.
func Query(r *http.Request) (url.Values, error) { return parseValues(r.URL.RawQuery, refuse, nil) }

var (
	errFormTooLarge = loot.Errorf(loot.TooLarge, "That is more than this form takes.")
	errFormBroken   = loot.Errorf(loot.Invalid, "The form did not arrive whole. Please send it again.")
	errFormEncoding = loot.Errorf(loot.Invalid, "The form holds characters that are not text. Please type them again rather than paste them.")
)

func readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errFormTooLarge
	}
	return loot.Wrap(loot.Invalid, err, "The form did not arrive whole. Please send it again.")
}

// What becomes of a value that is not text.
const (
	refuse = false
	mend   = true
)

func parseValues(raw string, mend bool, exact []string) (url.Values, error) {
	if strings.Count(raw, "&") >= maxValues {
		return nil, loot.Errorf(loot.TooLarge, "That is more than this form takes.")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errFormBroken // err repeats what was sent
	}
	return values, checkValues(values, mend, exact)
}

func checkValues(values url.Values, mend bool, exact []string) error {
	n := 0
	for name, list := range values {
		if !clean(name) {
			return errFormEncoding
		}
		if n += len(list); n > maxValues {
			return errFormTooLarge
		}
		for i, v := range list {
			v = strings.ReplaceAll(strings.ReplaceAll(v, "\r\n", "\n"), "\r", "\n")
			typed := slices.Contains(exact, name)
			if !clean(v) {
				if !mend || typed {
					return errFormEncoding
				}
				v = mended(v)
			}
			if !typed {
				v = strings.TrimSpace(v)
			}
			list[i] = v
		}
	}
	return nil
}

// clean reports whether s is text: UTF-8 without control characters other
// than line end and tab, and without marks that turn the writing around.
func clean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, noText) < 0
}

func noText(c rune) bool {
	switch {
	case c == '\n' || c == '\t':
		return false
	case unicode.IsControl(c):
		return true
	}
	return c >= '\u202a' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069' || c == '\ufeff'
}

// mended puts the replacement character where s is not text.
func mended(s string) string {
	return strings.Map(func(c rune) rune {
		if noText(c) {
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// A File is one that was sent with a form. It is held in memory and never on
// the disk in the clear.
type File struct {
	Name    string // of the file, as the sender says
	Type    string // as found in the content
	Content []byte
}

// Upload reads a form with files, together at most max bytes, and the names in
// exact as [Form] does. The route's Body has to allow as much.
func Upload(r *http.Request, max int64, exact ...string) (url.Values, map[string][]File, error) {
	return upload(r, max, refuse, exact)
}

func upload(r *http.Request, max int64, mend bool, exact []string) (url.Values, map[string][]File, error) {
	mr, err := r.MultipartReader()
	if err != nil {
		return nil, nil, loot.Wrap(loot.Invalid, err, "The form did not arrive as a form with files. Please send it again.")
	}
	values, files := url.Values{}, map[string][]File{}
	left := max
	for n := 0; ; n++ {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) {
			return values, files, checkValues(values, mend, exact)
		}
		if err != nil {
			return nil, nil, readError(err)
		}
		if n >= maxValues {
			return nil, nil, errFormTooLarge
		}
		content, err := readPart(part, left)
		if err != nil {
			return nil, nil, err
		}
		left -= int64(len(content))
		name := part.FormName()
		switch {
		case !clean(name) || !clean(part.FileName()):
			return nil, nil, errFormEncoding
		case part.FileName() == "" && part.Header.Get("Content-Type") == "":
			values.Add(name, string(content))
		case part.FileName() != "":
			files[name] = append(files[name], File{baseName(part.FileName()), http.DetectContentType(content), content})
		}
	}
}

func readPart(part *multipart.Part, left int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(part, left+1))
	if err != nil {
		return nil, readError(err)
	}
	if int64(len(content)) > left {
		return nil, errFormTooLarge
	}
	return content, nil
}

// baseName drops whatever folders a sender put before the name.
func baseName(s string) string {
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	return s
}

// Local returns path if it leads to this site, and otherwise fallback: for
// "next" and "back" in forms, which anybody can set.
func Local(path, fallback string) string {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\\\n\t\r") || !clean(path) {
		return fallback
	}
	if u, err := url.Parse(path); err != nil || u.Host != "" || u.Scheme != "" {
		return fallback
	}
	return path
}

// Redirect answers a form that was taken, so that loading the page again
// does not send it again.
func Redirect(w http.ResponseWriter, r *http.Request, to string) error {
	if r.Header.Get("Hx-Request") != "" {
		w.Header().Set("Hx-Redirect", to)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
