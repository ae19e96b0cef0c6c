package network_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
	"pgregory.net/rapid"

	"loot/desk/visits/network"
)

type fields = mmdbtype.Map

// database returns a file in the MaxMind format; the addresses are those that
// are kept for documentation.
func database(t testing.TB, kind string, records map[string]fields) []byte {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, Description: map[string]string{"en": "Made up, no licence needed"}, BuildEpoch: 1764000000, RecordSize: 24, IncludeReservedNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, f := range records {
		if err := w.Insert(netipx.PrefixIPNet(netip.MustParsePrefix(prefix)), f); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, path string, b []byte, at time.Time) string {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	addr  = netip.MustParseAddr
)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

func TestFieldsOfEveryMaker(t *testing.T) {
	for name, c := range map[string]struct {
		record fields
		want   network.Network
	}{
		"MaxMind's networks": {
			fields{"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example Telecom")},
			network.Network{Number: 64500, Name: "Example Telecom", Kind: network.Access},
		},
		"MaxMind's countries": {
			fields{"country": fields{"iso_code": mmdbtype.String("DE"), "names": fields{"en": mmdbtype.String("Germany")}}, "registered_country": fields{"iso_code": mmdbtype.String("US")}},
			network.Network{Country: "DE"},
		},
		"MaxMind's enterprise": {
			fields{"country": fields{"iso_code": mmdbtype.String("AT")}, "traits": fields{"autonomous_system_number": mmdbtype.Uint32(64501), "isp": mmdbtype.String("Example"), "user_type": mmdbtype.String("college")}},
			network.Network{Number: 64501, Name: "Example", Country: "AT", Kind: network.Education},
		},
		"IPinfo": {
			fields{"asn": mmdbtype.String("AS64502"), "as_name": mmdbtype.String("Example Inc"), "country_code": mmdbtype.String("us"), "type": mmdbtype.String("hosting")},
			network.Network{Number: 64502, Name: "Example Inc", Country: "US", Kind: network.Hosting},
		},
		"no country":      {fields{"country_code": mmdbtype.String("EU")}, network.Network{}},
		"a country alone": {fields{"country_code": mmdbtype.String("FR")}, network.Network{Country: "FR"}},
		"a flat country":  {fields{"country": mmdbtype.String("NL")}, network.Network{Country: "NL"}},
		"nothing of use":  {fields{"country": mmdbtype.String("Nowhere"), "asn": mmdbtype.String("many"), "name": mmdbtype.Uint16(7)}, network.Network{}},
		"a name of a page": {
			fields{"as_org": mmdbtype.String("  A\n\tname " + strings.Repeat("ä", 100))},
			network.Network{Name: "A name " + strings.Repeat("ä", 37)},
		},
	} {
		path := put(t, filepath.Join(t.TempDir(), "a.mmdb"), database(t, "Test", map[string]fields{"192.0.2.0/24": c.record, "2001:db8::/32": c.record}), start)
		d, err := network.Open([]string{path}, time.Minute, at(start))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "192.0.2.2"} {
			if got := d.Lookup(addr(a)); got != c.want {
				t.Errorf("%s: %s: got %+v, want %+v", name, a, got, c.want)
			}
		}
		for _, a := range []netip.Addr{addr("198.51.100.1"), addr("2001:db9::1"), {}} {
			if got := d.Lookup(a); got != (network.Network{}) {
				t.Errorf("%s: %s: got %+v, want nothing", name, a, got)
			}
		}
	}
}

func TestFilesAreAskedInTurn(t *testing.T) {
	dir := t.TempDir()
	first := put(t, filepath.Join(dir, "a.mmdb"), database(t, "Networks", map[string]fields{"192.0.2.0/24": {"asn": mmdbtype.Uint32(64500), "as_org": mmdbtype.String("Example University")}}), start)
	second := put(t, filepath.Join(dir, "b.mmdb"), database(t, "Countries", map[string]fields{"192.0.2.0/25": {"country_code": mmdbtype.String("CH"), "asn": mmdbtype.Uint32(1)}}), start)
	d, err := network.Open([]string{first, second}, time.Minute, at(start))
	if err != nil {
		t.Fatal(err)
	}
	want := network.Network{Number: 64500, Name: "Example University", Country: "CH", Kind: network.Education}
	if got := d.Lookup(addr("192.0.2.1")); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s := d.Sources()
	if len(s) != 2 || s[0].Type != "Networks" || s[1].Type != "Countries" || s[0].Description != "Made up, no licence needed" || !s[0].Built.Equal(time.Unix(1764000000, 0)) {
		t.Errorf("got %+v", s)
	}
}

// TestMakersAreNamed where their licence asks for it, by the types that their
// files have.
func TestMakersAreNamed(t *testing.T) {
	for kind, want := range map[string]string{
		"GeoLite2-ASN": "https://www.maxmind.com", "DBIP-ASN-Lite (compat=GeoLite2-ASN)": "https://db-ip.com", "DBIP-Country-Lite": "https://db-ip.com",
		"ipinfo generic_asn_free.mmdb": "https://ipinfo.io", "ipinfo bundle_location_lite.mmdb": "https://ipinfo.io", "DBIP-Location (compat=City)": "", "GeoIP2-ISP": "", "": "",
	} {
		if got := (network.Source{Type: kind}).Notice(); got.Href != want || (got.Licence == "") != (want == "") {
			t.Errorf("%s: %+v", kind, got)
		}
	}
}

func TestWithoutAFileNothingIsKnown(t *testing.T) {
	d, err := network.Open(nil, time.Minute, at(start))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Lookup(addr("192.0.2.1")); got != (network.Network{}) || got.Kind.String() != "unknown" {
		t.Errorf("got %+v", got)
	}
	if err := d.Refresh(); err != nil {
		t.Error(err)
	}
}

// TestChangedFilesAreReadAnew walks through what an operator's update does, and
// what goes wrong with it.
func TestChangedFilesAreReadAnew(t *testing.T) {
	country := func(c string) []byte {
		return database(t, "Countries", map[string]fields{"192.0.2.0/24": {"country_code": mmdbtype.String(c)}})
	}
	now := start
	path := put(t, filepath.Join(t.TempDir(), "a.mmdb"), country("DE"), now)
	d, err := network.Open([]string{path}, time.Minute, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	whole := country("FR")
	for _, step := range []struct {
		what    string
		do      func()
		after   time.Duration
		want    string
		problem string
	}{
		{"untouched", func() {}, time.Hour, "DE", ""},
		{"changed, not yet looked at", func() { put(t, path, country("AT"), now) }, time.Second, "DE", ""},
		{"looked at", func() {}, time.Minute, "AT", ""},
		{"half of it", func() { put(t, path, whole[:len(whole)/2], now) }, time.Minute, "AT", "not whole"},
		{"still half of it", func() {}, time.Minute, "AT", "not whole"},
		{"something else", func() { put(t, path, []byte("<html>404"), now) }, time.Minute, "AT", "no file in the MaxMind format"},
		{"empty", func() { put(t, path, nil, now) }, time.Minute, "AT", "no file in the MaxMind format"},
		{"gone", func() { os.Remove(path) }, time.Minute, "AT", "is gone"},
		{"back", func() { put(t, path, whole, now) }, time.Minute, "FR", ""},
	} {
		step.do()
		now = now.Add(step.after)
		err := d.Refresh()
		if (err == nil) != (step.problem == "") || err != nil && !strings.Contains(err.Error(), step.problem) {
			t.Errorf("%s: got %v, want %q", step.what, err, step.problem)
		}
		if s := d.Sources()[0]; !strings.Contains(s.Problem, step.problem) || (s.Problem == "") != (step.problem == "") {
			t.Errorf("%s: the source says %q, want %q", step.what, s.Problem, step.problem)
		}
		if got := d.Lookup(addr("192.0.2.1")).Country; got != step.want {
			t.Errorf("%s: got %s, want %s", step.what, got, step.want)
		}
	}
}

func TestLookingWhileReadingAnew(t *testing.T) {
	var mu sync.Mutex
	now := start
	tick := func() time.Time { mu.Lock(); defer mu.Unlock(); now = now.Add(time.Minute); return now }
	b := database(t, "Countries", map[string]fields{"192.0.2.0/24": {"country_code": mmdbtype.String("DE")}})
	path := put(t, filepath.Join(t.TempDir(), "a.mmdb"), b, now)
	d, err := network.Open([]string{path}, time.Minute, tick)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 500 {
				if got := d.Lookup(addr("192.0.2.1")).Country; got != "DE" {
					t.Errorf("got %q", got)
					return
				}
			}
		})
	}
	for i := range 50 {
		if err := os.Chtimes(path, start, start.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := d.Refresh(); err != nil {
			t.Error(err)
		}
	}
	wait.Wait()
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"missing": "no such file", "wrong": "no file in the MaxMind format"} {
		path := filepath.Join(dir, name)
		if name == "wrong" {
			put(t, path, []byte("asn,name"), start)
		}
		if _, err := network.Open([]string{path}, time.Minute, at(start)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestKindsAreGuessed(t *testing.T) {
	for name, want := range map[string]network.Kind{
		"Universitaet Stuttgart": network.Education, "Verein zur Foerderung eines Deutschen Forschungsnetzes": network.Education, "DFN": network.Education,
		"Hetzner Online GmbH": network.Hosting, "Example Hosting Ltd": network.Hosting, "AMAZON-02": network.Hosting,
		"T-Mobile Austria GmbH": network.Mobile, "Example Wireless": network.Mobile,
		"Deutsche Telekom AG": network.Access, "Comcast Cable Communications, LLC": network.Access,
		"Muster Maschinenbau GmbH": network.Business, "Sparkasse Musterstadt": network.Unknown, "City of Exampletown": network.Business, "": network.Unknown, "EXAMPLE-AS": network.Unknown,
	} {
		if got := network.KindOf(0, name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
	if got := network.KindOf(13335, "Example University"); got != network.Hosting {
		t.Errorf("a number that is known: got %s", got)
	}
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		addr   string
		v4, v6 int
		want   string
	}{
		{"192.0.2.77", 24, 48, "192.0.2.0"},
		{"::ffff:192.0.2.77", 24, 48, "192.0.2.0"},
		{"2001:db8:1:2:3:4:5:6", 24, 48, "2001:db8:1::"},
		{"fe80::1%eth0", 24, 48, "fe80::"},
		{"192.0.2.77", 0, 0, "0.0.0.0"},
		{"192.0.2.77", 99, 99, "192.0.2.77"},
		{"192.0.2.77", -1, -1, "0.0.0.0"},
	} {
		if got := network.Truncate(addr(c.addr), c.v4, c.v6); got != addr(c.want) {
			t.Errorf("%+v: got %s", c, got)
		}
	}
	if got := network.Truncate(netip.Addr{}, 24, 48); got.IsValid() {
		t.Errorf("no address: got %s", got)
	}
}

// TestNothingIsLeftBehindTheCut: of two addresses that differ only in the bits
// that are cut, the same is left, and cutting again changes nothing.
func TestNothingIsLeftBehindTheCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		b := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address")
		v4, v6 := rapid.IntRange(0, 32).Draw(t, "v4"), rapid.IntRange(0, 128).Draw(t, "v6")
		a, _ := netip.AddrFromSlice(b)
		cut := network.Truncate(a, v4, v6)
		if cut != network.Truncate(cut, v4, v6) {
			t.Fatalf("%s: cut again it is another", cut)
		}
		if a.Is4In6() {
			return
		}
		bits := v6
		if a.Is4() {
			bits = v4
		}
		if bits < 8*size {
			b[bits/8] ^= 0x80 >> (bits % 8)
			if other, _ := netip.AddrFromSlice(b); !other.Is4In6() && network.Truncate(other, v4, v6) != cut {
				t.Fatalf("bit %d of %s is left", bits, a)
			}
		}
	})
}

// FuzzFile puts bytes over those of a good file.
func FuzzFile(f *testing.F) {
	good := database(f, "Test", map[string]fields{
		"192.0.2.0/24":  {"asn": mmdbtype.String("AS64500"), "as_name": mmdbtype.String("Example"), "country": fields{"iso_code": mmdbtype.String("DE")}},
		"2001:db8::/32": {"autonomous_system_number": mmdbtype.Uint32(64500)},
	})
	f.Add(0, []byte{})
	f.Add(len(good)-40, []byte{0xff, 0xff, 0xff})
	f.Add(500, []byte{0x20, 0x00, 0x20, 0x00})
	f.Fuzz(func(t *testing.T, where int, over []byte) {
		b := bytes.Clone(good)
		if len(over) > 64 || where < 0 || where > len(b) {
			return
		}
		copy(b[where:], over)
		path := put(t, filepath.Join(t.TempDir(), "a.mmdb"), b, start)
		d, err := network.Open([]string{path}, time.Minute, at(start))
		if err != nil {
			return
		}
		for _, a := range []string{"192.0.2.1", "2001:db8::1", "::", "255.255.255.255"} {
			if n := d.Lookup(addr(a)); len(n.Name) > 84 || len(n.Country) > 2 {
				t.Errorf("got %+v", n)
			}
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	records := map[string]fields{}
	for i := range 200 {
		records[netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i), 0, 0}), 16).String()] = fields{"autonomous_system_number": mmdbtype.Uint32(64500 + i), "autonomous_system_organization": mmdbtype.String("Example Telecom"), "country": fields{"iso_code": mmdbtype.String("DE")}}
	}
	path := put(b, filepath.Join(b.TempDir(), "a.mmdb"), database(b, "Test", records), start)
	d, err := network.Open([]string{path}, time.Minute, at(start))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		d.Lookup(netip.AddrFrom4([4]byte{11, byte(i % 200), byte(i >> 8), 1}))
	}
}

func BenchmarkKindOf(b *testing.B) {
	for b.Loop() {
		network.KindOf(64500, "Muster Maschinenbau GmbH & Co. KG")
	}
}
