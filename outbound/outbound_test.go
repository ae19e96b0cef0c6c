package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestNothingInsideIsReached(t *testing.T) {
	r := Reach{netip.MustParsePrefix("10.1.0.0/16")}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450::1": true, "10.1.2.3": true, "::ffff:10.1.2.3": true,
		"10.2.0.1": false, "127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "::": false, "0.0.0.0": false, "169.254.169.254": false, "100.64.0.1": false,
		"192.168.1.1": false, "172.31.0.1": false, "fd00::1": false, "fe80::1": false, "64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false, "224.0.0.1": false,
		"192.0.0.170": false, "192.0.2.1": false, "192.88.99.1": false, "198.19.0.1": false, "198.51.100.1": false, "203.0.113.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"64:ff9b:1::1": false, "100::1": false, "2001:0:7f00:1::": false, "2001:db8::1": false, "3fff::1": false, "5f00::1": false, "fec0::1": false, "ff02::1": false, "fe80::1%eth0": false,
	} {
		if got := r.Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	// A name that leads inside is found out when it is connected to.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	for name, c := range map[string]struct {
		reach Reach
		want  error
	}{"nothing inside": {nil, ErrInside}, "this machine": {Reach{netip.MustParsePrefix("127.0.0.0/8")}, nil}} {
		conn, err := c.reach.Dialer(time.Second).DialContext(t.Context(), "tcp4", net.JoinHostPort("localhost", portOf(ln)))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// TestWhyNothingCameBackNamesNoAddress, of a server that was asked and of one that answered.
func TestWhyNothingCameBackNamesNoAddress(t *testing.T) {
	answering := httptest.NewUnstartedServer(http.NotFoundHandler())
	answering.Config.ErrorLog = log.New(io.Discard, "", 0) // we break off each time
	answering.StartTLS()
	defer answering.Close()
	trusted := answering.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	here := net.Dialer{}
	get := func(address string, reach *net.Dialer, roots *x509.CertPool, now time.Time) error {
		client := http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, Time: func() time.Time { return now }},
			DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
				if strings.HasPrefix(to, "hooks.invalid") {
					to = answering.Listener.Addr().String()
				}
				return reach.DialContext(ctx, network, to)
			},
		}}
		defer client.CloseIdleConnections()
		resp, err := client.Get(address)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	now := time.Now()
	for want, err := range map[string]error{
		"the certificate of the server is for another name":          get("https://hooks.invalid", &here, trusted, now),
		"the certificate of the server is signed by nobody":          get(answering.URL, &here, nil, now),
		"the certificate of the server has expired":                  get(answering.URL, &here, trusted, now.AddDate(200, 0, 0)),
		"the certificate of the server is not valid":                 &tls.CertificateVerificationError{Err: errors.New("x509: hooks.invalid")},
		"the address is inside a network":                            get(answering.URL, Reach(nil).Dialer(time.Second), trusted, now),
		"the address is none":                                        get("https://127.0.0.1:99999", &here, trusted, now),
		"no answer: http: server gave HTTP response to HTTPS client": http.ErrSchemeMismatch,
		"no answer in time":                                          &url.Error{Op: "Get", URL: "https://hooks.invalid", Err: context.DeadlineExceeded},
		"the name of the server is not known":                        &net.DNSError{Name: "hooks.invalid", IsNotFound: true},
	} {
		if err == nil {
			t.Errorf("%s: an answer", want)
			continue
		}
		if got := Why(err).Error(); !strings.HasPrefix(got, want) || strings.Contains(got, "hooks.invalid") || strings.Contains(got, "127.0.0.1") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func portOf(ln net.Listener) string {
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
