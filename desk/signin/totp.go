package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
	"rsc.io/qr"

	"loot/store"
)

// A code of an authenticator app: six digits, a new one every thirty seconds,
// as every such app has it.
var codes = totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

var secretLetters = base32.StdEncoding.WithPadding(base32.NoPadding)

// newAppSecret returns what the authenticator app and the server share.
func newAppSecret() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return secretLetters.EncodeToString(b[:])
}

// stepOf returns the step that a code is of, among the present one and its two
// neighbours, as clocks differ. Only steps after the last one count: a code
// that somebody saw being typed is worth nothing.
func stepOf(code, secret string, now time.Time, last int64) (int64, bool) {
	code = strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' || c == '\u00a0' {
			return -1
		}
		return c
	}, code)
	if len(code) != 6 {
		return 0, false
	}
	period := int64(codes.Period)
	present := now.Unix() / period
	found, ok := int64(0), false
	for step := present - 1; step <= present+1; step++ {
		want, err := totp.GenerateCodeCustom(secret, time.Unix(step*period, 0), codes)
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && step > last {
			found, ok = step, true
		}
	}
	return found, ok
}

// A scannable is a secret as an authenticator app takes it over.
type scannable struct {
	Secret string // in groups, to be typed
	Path   string // of the picture, for an SVG path
	Size   int    // of the picture, in modules
}

// quiet is the margin around the code that a camera needs.
const quiet = 4

// scan draws the address of a secret as a QR code.
func scan(issuer, account, secret string) (scannable, error) {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	u := url.URL{Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account, RawQuery: strings.ReplaceAll(q.Encode(), "+", "%20")}
	code, err := qr.Encode(u.String(), qr.M)
	if err != nil {
		return scannable{}, fmt.Errorf("signin: qr: %w", err)
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
		}
	}
	return scannable{Secret: grouped(secret, 4), Path: path.String(), Size: code.Size + 2*quiet}, nil
}

// grouped puts a space behind every n letters.
func grouped(s string, n int) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && i%n == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// recoveryCodes is how many codes stand in for a lost authenticator app, each
// once.
const recoveryCodes = 10

// newRecoveryCodes replaces somebody's recovery codes and returns them, the
// one time they can be read: of 60 random bits each, and kept as a hash.
func (d *Desk) newRecoveryCodes(ctx context.Context, tx *store.Tx, owner string) ([]string, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM signin_recovery WHERE owner = $1`, owner); err != nil {
		return nil, fmt.Errorf("signin: recovery codes: %w", err)
	}
	out := make([]string, recoveryCodes)
	for i := range out {
		s := newSecret()
		out[i] = s[:4] + "-" + s[4:8] + "-" + s[8:12]
		if _, err := tx.Exec(ctx, `INSERT INTO signin_recovery (owner, hash) VALUES ($1, $2)`, owner, d.recoveryHash(owner, out[i])); err != nil {
			return nil, fmt.Errorf("signin: recovery codes: %w", err)
		}
	}
	return out, nil
}

// useRecoveryCode takes a recovery code, which is then gone.
func (d *Desk) useRecoveryCode(ctx context.Context, tx *store.Tx, owner, code string) (bool, error) {
	n, err := tx.Exec(ctx, `DELETE FROM signin_recovery WHERE owner = $1 AND hash = $2`, owner, d.recoveryHash(owner, code))
	if err != nil {
		return false, fmt.Errorf("signin: recovery code: %w", err)
	}
	return n == 1, nil
}

func (d *Desk) recoveryHash(owner, code string) []byte {
	plain := strings.Map(func(c rune) rune {
		if c == ' ' || c == '-' {
			return -1
		}
		return c
	}, strings.ToLower(code))
	return d.keyed("recovery", owner, plain)
}
