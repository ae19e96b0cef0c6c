package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"loot"
)

// A Transit is a root in the transit engine of HashiCorp Vault or OpenBao: the
// key never leaves the service.
type Transit struct {
	Address   string       // such as "https://vault.example.com:8200"
	Mount     string       // of the engine; empty: "transit"
	Key       string       // name of a key of type aes256-gcm96 or chacha20-poly1305
	Namespace string       // empty: none
	TokenFile string       // read for each call, so that an agent may renew it
	Client    *http.Client // with its time limit and, for an own authority, its certificates
}

// TransitRoot returns the root that t describes.
func TransitRoot(t Transit) (*Transit, error) {
	u, err := url.Parse(t.Address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, loot.Errorf(loot.Invalid, "The address of the transit service starts with https:// and names a host.")
	}
	if t.Key == "" || t.TokenFile == "" || t.Client == nil {
		return nil, loot.Errorf(loot.Invalid, "The transit service needs the name of a key and a file with a token.")
	}
	if t.Mount == "" {
		t.Mount = "transit"
	}
	t.Address = strings.TrimSuffix(t.Address, "/")
	return &t, nil
}

// ID returns "transit:", the mount and the key.
func (t *Transit) ID() string { return "transit:" + t.Mount + "/" + t.Key }

// Wrap implements [Root].
func (t *Transit) Wrap(ctx context.Context, plaintext, ad []byte) ([]byte, error) {
	var out struct {
		Ciphertext string `json:"ciphertext"`
	}
	err := t.call(ctx, "POST", "encrypt/", map[string]any{"plaintext": plaintext, "associated_data": ad}, &out)
	if err == nil && out.Ciphertext == "" {
		err = t.unavailable(errors.New("no ciphertext in the answer"))
	}
	return []byte(out.Ciphertext), err
}

// Unwrap implements [Root].
func (t *Transit) Unwrap(ctx context.Context, sealed, ad []byte) ([]byte, error) {
	var out struct {
		Plaintext []byte `json:"plaintext"`
	}
	err := t.call(ctx, "POST", "decrypt/", map[string]any{"ciphertext": string(sealed), "associated_data": ad}, &out)
	return out.Plaintext, err
}

// Rotate has the service make a new version of the key.
func (t *Transit) Rotate(ctx context.Context) error {
	return t.call(ctx, "POST", "keys/", nil, nil, "/rotate")
}

// Forget has the service refuse to open what older versions sealed.
func (t *Transit) Forget(ctx context.Context) error {
	var key struct {
		Latest int `json:"latest_version"`
	}
	if err := t.call(ctx, "GET", "keys/", nil, &key); err != nil {
		return err
	}
	return t.call(ctx, "POST", "keys/", map[string]any{"min_decryption_version": key.Latest}, nil, "/config")
}

// call speaks the HTTP interface of the engine. What the service refuses to
// open was tampered with or sealed by another key; everything else is a
// service that cannot be used now.
func (t *Transit) call(ctx context.Context, method, what string, in, out any, suffix ...string) error {
	token, err := loot.ReadSecret(t.TokenFile, "the token for the key service")
	if err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("keyring: transit: %w", err)
		}
		body = bytes.NewReader(text)
	}
	u := t.Address + "/v1/" + strings.Trim(t.Mount, "/") + "/" + what + url.PathEscape(t.Key) + strings.Join(suffix, "")
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return fmt.Errorf("keyring: transit: %w", err)
	}
	req.Header.Set("X-Vault-Token", strings.TrimSpace(token))
	req.Header.Set("X-Vault-Request", "true")
	req.Header.Set("Content-Type", "application/json")
	if t.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", t.Namespace)
	}
	resp, err := t.Client.Do(req)
	if err != nil {
		return t.unavailable(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return t.unavailable(err)
	}
	if resp.StatusCode == http.StatusBadRequest && what == "decrypt/" {
		return ErrTampered
	}
	if resp.StatusCode/100 != 2 {
		var said struct {
			Errors []string `json:"errors"`
		}
		_ = json.Unmarshal(text, &said) // without its words, the status has to do
		return t.unavailable(fmt.Errorf("%s: %s", resp.Status, strings.Join(said.Errors, "; ")))
	}
	if out == nil {
		return nil
	}
	answer := struct {
		Data any `json:"data"`
	}{out}
	if err := json.Unmarshal(text, &answer); err != nil {
		return t.unavailable(errors.New("the answer is not that of a transit engine"))
	}
	return nil
}

func (t *Transit) unavailable(err error) error {
	return loot.Wrap(loot.Unavailable, fmt.Errorf("keyring: transit: %w", err),
		fmt.Sprintf("The service at %s that holds the root key does not answer as it should.", t.Address))
}
