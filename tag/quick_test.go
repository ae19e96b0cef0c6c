package tag

import (
	"encoding/json"
	"testing"
)

// FuzzQuick: what is read quickly is what encoding/json reads, and what the
// script writes is read quickly.
func FuzzQuick(f *testing.F) {
	ours := `{"kind":"engagement","page":"7","url":"https://example.org/?a=b","referrer":"","site":"shop","width":5,"auto":true,"time":61500,"scroll":0,"name":"Order","target":"t","count":2}`
	if !new(written).readQuick(ours) {
		f.Error("what the script writes is not read quickly")
	}
	for _, text := range []string{
		ours, `{}`, `{"kind":"view",}`, `{"kind":"view"}}`, `{"kind":"view"`, `{"Kind":"view"}`, `{"kind":"a","kind":"b"}`, `{"page":7}`, `{"width":"7"}`, `{"width":07}`,
		`{"width":-1}`, `{"width":1e3}`, `{"width":}`, `{"auto":1}`, `{"auto":null}`, `{"name":"\u0041"}`, "{\"name\":\"\xff\"}", `{"value":1}`, `{"width":12345678901}`, `{"kind" :"view"}`, `[]`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var quick, slow written
		if !quick.readQuick(text) {
			return
		}
		if err := json.Unmarshal([]byte(text), &slow); err != nil || quick != slow {
			t.Errorf("%q: %+v, by encoding/json %+v, %v", text, quick, slow, err)
		}
	})
}
