package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	zxcvbn "github.com/ccojocar/zxcvbn-go"
	"golang.org/x/crypto/argon2"

	"loot/web"
)

// What a password has to be. The estimate knows common passwords, names,
// keyboard runs and dates, and counts how many guesses a password stands.
const (
	minPassword   = 12
	maxPassword   = 256
	minScore      = 3  // of 4: more than a hundred million guesses
	weighedLength = 72 // what lies beyond adds strength and costs time
)

// checkPassword says what is wrong with a password for somebody of whom the
// words are known, such as their name; nil if nothing is. It says it for the
// field called name.
func checkPassword(name, password string, known ...string) error {
	wrong := func(text string) error { return web.Invalid("", map[string]string{name: text}) }
	switch n := utf8.RuneCountInString(password); {
	case n == 0:
		return wrong("Please fill this in.")
	case n < minPassword:
		return wrong(fmt.Sprintf("A password has at least %d characters. Three or four words that do not belong together are good, and easy to keep in mind.", minPassword))
	case n > maxPassword:
		return wrong(fmt.Sprintf("A password has at most %d characters.", maxPassword))
	}
	var words []string
	for _, k := range append(known, "loot") {
		words = append(words, strings.FieldsFunc(strings.ToLower(k), func(c rune) bool { return strings.ContainsRune(" @.-_+,", c) })...)
	}
	weighed := password
	if len(weighed) > weighedLength {
		weighed = strings.ToValidUTF8(weighed[:weighedLength], "")
	}
	if zxcvbn.PasswordStrength(weighed, words).Score < minScore {
		return wrong("This password is among the first that somebody would try: it is common, or made of your name, a date or keys that lie together. Three or four words that do not belong together are better.")
	}
	return nil
}

// The cost of a password's hash: 19 MiB and two passes. A hash says its own
// cost, so that raising it here leaves the old ones valid.
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashLanes  = 1
	hashLength = 32
	saltLength = 16
)

// hashing says what a hash costs and bounds how many passwords are hashed at
// once, and so the memory.
type hashing struct {
	memory, passes uint32
	slots          chan struct{}
}

func newHashing() hashing { return hashing{hashMemory, hashPasses, make(chan struct{}, 2)} }

func (h hashing) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h hashing) leave() { <-h.slots }

// hash returns the Argon2id hash of a password in the usual notation.
func (h hashing) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	var salt [saltLength]byte
	rand.Read(salt[:]) // never fails
	return h.written(salt[:], argon2.IDKey([]byte(password), salt[:], h.passes, h.memory, hashLanes, hashLength)), nil
}

// nobodys is what a password is compared with when there is no account, so
// that it takes as long. No password has it.
func (h hashing) nobodys() string {
	return h.written(make([]byte, saltLength), make([]byte, hashLength))
}

func (h hashing) written(salt, sum []byte) string {
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, hashLanes, enc.EncodeToString(salt), enc.EncodeToString(sum))
}

// matches reports whether hash is of password.
func (h hashing) matches(ctx context.Context, hash, password string) (bool, error) {
	var version, memory, passes int
	var lanes uint8
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("signin: a password's hash is of an unknown kind")
	}
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &lanes); err != nil || version != argon2.Version {
		return false, fmt.Errorf("signin: a password's hash is of an unknown cost")
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, fmt.Errorf("signin: a password's hash is damaged")
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) == 0 {
		return false, fmt.Errorf("signin: a password's hash is damaged")
	}
	if memory <= 0 || memory > 1<<20 || passes <= 0 || passes > 100 || lanes == 0 {
		return false, fmt.Errorf("signin: a password's hash is of an unlikely cost")
	}
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
