package keyring_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"loot"
	"loot/keyring"
)

// TestDestroyedFieldOpensNowhere: the key of a field goes alone, in every process and under
// every epoch, and what is sealed as it later has another.
func TestDestroyedFieldOpensNowhere(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		key := create(t, k, s, customer)
		type sealedField struct{ value, stream []byte }
		seal := func(key *keyring.PersonKey) (out sealedField) {
			var b bytes.Buffer
			w, err := key.SealStream(&b, []byte("of a file"))
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, "a scan")
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return sealedField{key.Seal([]byte("Ada"), []byte("x")), b.Bytes()}
		}
		check := func(when string, key *keyring.PersonKey, sealed sealedField, want bool) {
			t.Helper()
			value, err := key.Open(sealed.value, []byte("x"))
			if (string(value) == "Ada") != want || !want && !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("%s: value %q, %v", when, value, err)
			}
			var content []byte
			r, err := key.OpenStream(bytes.NewReader(sealed.stream), []byte("of a file"))
			if err == nil {
				content, err = io.ReadAll(r)
			}
			if (string(content) == "a scan") != want || !want && !errors.Is(err, keyring.ErrTampered) {
				t.Errorf("%s: stream %q, %v", when, content, err)
			}
		}
		whole, name, mail, town := seal(key), seal(key.Of("name")), seal(key.Of("mail")), seal(key.Of("town"))
		check("as another field", key.Of("mail"), name, false)
		check("as no field", key, name, false)
		mac, tag := key.MAC([]byte("row")), key.Tag()

		destroy := func(f loot.Field, keep ...loot.Field) {
			t.Helper()
			if err := k.DestroyFields(t.Context(), s, customer, map[loot.Field]keyring.Erasure{f: {Version: 3, At: 7}}, keep); err != nil {
				t.Fatal(err)
			}
		}
		destroy("name", "mail", "town")
		fresh := seal(person(t, k, s, customer).Of("name"))
		destroy("mail", "name") // the town stays, as it was kept before
		if _, err := k.Rotate(t.Context(), customer); err != nil {
			t.Fatal(err)
		}
		if _, err := k.RewrapBatch(t.Context(), customer, 10); err != nil {
			t.Fatal(err)
		}
		other := p.open(t)
		for when, k := range map[string]*keyring.Keyring{"here": k, "in another process": other} {
			key := person(t, k, s, customer)
			check(when+", what is no field", key, whole, true)
			check(when+", destroyed", key.Of("name"), name, false)
			check(when+", given again", key.Of("name"), fresh, true)
			check(when+", destroyed later", key.Of("mail"), mail, false)
			check(when+", kept", key.Of("town"), town, true)
			if err := key.Verify(mac, []byte("row")); err != nil || !bytes.Equal(key.Tag(), tag) {
				t.Errorf("%s: MAC or tag is another: %v", when, err)
			}
			if e, ok := key.Erased("mail"); !ok || e != (keyring.Erasure{Version: 3, At: 7}) {
				t.Errorf("%s: erased %v %v", when, e, ok)
			}
			if _, ok := key.Erased("town"); ok {
				t.Errorf("%s: the town counts as erased", when)
			}
		}
		// Whoever holds the former key for a moment yet seals by the new one.
		held := person(t, other, s, customer)
		destroy("town")
		if anew, err := other.Anew(t.Context(), s, customer); err != nil {
			t.Error(err)
		} else {
			check("sealed by who held the former key", person(t, p.open(t), s, customer).Of("town"), seal(anew.Of("town")), true)
		}
		check("held", held.Of("town"), town, true)

		if err := k.DestroyFields(t.Context(), loot.NewSubject(), customer, nil, nil); err != nil {
			t.Errorf("of nobody: %v", err)
		}
		if err := k.Destroy(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		destroy("name")
		if _, err := k.Person(t.Context(), s, customer); !errors.Is(err, keyring.ErrShredded) {
			t.Errorf("after all was destroyed: %v", err)
		}
	})
}

// TestKeyFromBeforeFieldsHadTheirOwn opens what it sealed, and loses none of it.
func TestKeyFromBeforeFieldsHadTheirOwn(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, s := p.open(t), loot.NewSubject()
		if err := k.CreateWhole(t.Context(), s, customer); err != nil {
			t.Fatal(err)
		}
		sealed := person(t, k, s, customer).Of("name").Seal([]byte("Ada"), []byte("x"))
		if err := k.DestroyFields(t.Context(), s, customer, map[loot.Field]keyring.Erasure{"name": {}}, nil); err != nil {
			t.Fatal(err)
		}
		opens(t, person(t, p.open(t), s, customer), sealed, []byte("x"), "Ada")
	})
}

// TestPartedKeysAreTold: the sweep looks at those alone of whom keys of fields were destroyed.
func TestPartedKeysAreTold(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		k, whole, parted := p.open(t), loot.NewSubject(), loot.NewSubject()
		create(t, k, whole, customer)
		create(t, k, parted, customer)
		if err := k.DestroyFields(t.Context(), parted, customer, map[loot.Field]keyring.Erasure{"name": {}}, nil); err != nil {
			t.Fatal(err)
		}
		if err := k.Persons(t.Context(), true, func(page []keyring.Person) error {
			for _, one := range page {
				if one.Parted != (one.Subject == parted) || one.Err != nil {
					t.Errorf("%+v", one)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPersonSecret(f *testing.F) {
	for _, b := range keyring.PersonSecrets() {
		f.Add(b)
		f.Add(b[:len(b)-1])
		f.Add(append(b[:len(b):len(b)], 0))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, ok := keyring.ReadPersonSecret(b); ok && !bytes.Equal(again, b) {
			if twice, ok := keyring.ReadPersonSecret(again); !ok || !bytes.Equal(twice, again) {
				t.Errorf("%x is read as %x and that as %x", b, again, twice)
			}
		}
	})
}
