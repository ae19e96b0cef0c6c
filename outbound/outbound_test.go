package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
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

// TestWhyIsSaidWithoutWhere: in words for a page, and with no address of either side.
func TestWhyIsSaidWithoutWhere(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes whoever comes, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	here := Reach{netip.MustParsePrefix("127.0.0.0/8")}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for want, c := range map[string]struct {
		ctx     context.Context
		reach   Reach
		host    string
		timeout time.Duration
	}{
		"outbound: the address is inside": {t.Context(), nil, "127.0.0.1:" + portOf(silent), 0},
		"no answer in time":               {t.Context(), here, "127.0.0.1:" + portOf(silent), 200 * time.Millisecond},
		"no answer: connect: ":            {t.Context(), here, "127.0.0.1:" + portOf(gone), 0},
		"no answer: context canceled":     {ended, here, "127.0.0.1:" + portOf(gone), 0},
		"the name of the server is not":   {t.Context(), here, "nowhere.invalid", 0},
	} {
		req, err := http.NewRequestWithContext(c.ctx, http.MethodGet, "http://"+c.host, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&http.Client{Transport: &http.Transport{DialContext: c.reach.Dialer(5 * time.Second).DialContext}, Timeout: c.timeout}).Do(req)
		if why := Why(err).Error(); !strings.HasPrefix(why, want) || strings.Contains(why, "127.0.0.1") || strings.Contains(why, "invalid") {
			t.Errorf("%s: %s", want, why)
		}
	}
}

func portOf(ln net.Listener) string {
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
