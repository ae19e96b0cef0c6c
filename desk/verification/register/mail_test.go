package register_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"loot/desk/verification/register"
)

// zone answers questions by their name; a name that is not in it does not exist.
type zone map[string][]dnsmessage.ResourceBody

func mx(host string) dnsmessage.ResourceBody {
	return &dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName(host)}
}

// serve answers by UDP until the test ends, and returns where.
func serve(t *testing.T, z zone, fault dnsmessage.RCode) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			var q dnsmessage.Message
			if q.Unpack(b[:n]) != nil || len(q.Questions) != 1 {
				continue
			}
			asked := q.Questions[0]
			a := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true, RCode: fault}, Questions: q.Questions}
			found, known := z[strings.ToLower(asked.Name.String())]
			if !known && fault == dnsmessage.RCodeSuccess {
				a.RCode = dnsmessage.RCodeNameError
			}
			for _, body := range found {
				h := dnsmessage.ResourceHeader{Name: asked.Name, Class: asked.Class, TTL: 60}
				_, isMX := body.(*dnsmessage.MXResource)
				_, isA := body.(*dnsmessage.AResource)
				if isMX && asked.Type == dnsmessage.TypeMX || isA && asked.Type == dnsmessage.TypeA {
					a.Answers = append(a.Answers, dnsmessage.Resource{Header: h, Body: body})
				}
			}
			if packed, err := a.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestMailboxesOfADomain(t *testing.T) {
	d := register.NewDNS(serve(t, zone{
		"meadow.example.":  {mx("post.meadow.example.")},
		"silent.example.":  {mx(".")},
		"oneself.example.": {&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}},
		"empty.example.":   nil,
	}, dnsmessage.RCodeSuccess))
	for domain, want := range map[string]register.Mailboxes{
		"meadow.example": register.TakesMail, "silent.example": register.RefusesMail, "oneself.example": register.TakesMail,
		"empty.example": register.NoMailboxes, "nowhere.example": register.NoMailboxes,
	} {
		if got, err := d.Mailboxes(t.Context(), domain); got != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", domain, got, err, want)
		}
	}
}

func TestADNSInTroubleIsNoAnswer(t *testing.T) {
	for _, fault := range []dnsmessage.RCode{dnsmessage.RCodeServerFailure, dnsmessage.RCodeRefused} {
		_, err := register.NewDNS(serve(t, zone{}, fault)).Mailboxes(t.Context(), "meadow.example")
		if !errors.Is(err, register.ErrNotYet) || strings.Contains(err.Error(), "meadow") {
			t.Errorf("%v: %v", fault, err)
		}
	}
}
