package visits

import (
	"bytes"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"

	"loot/desk/desktest"
	"loot/mail"
)

// networks puts a file in the MaxMind format to a path, by whose type its licence
// is told, in which an address range belongs to somebody.
func networks(t *testing.T, path, kind, name string, built time.Time) {
	t.Helper()
	w, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, Description: map[string]string{"en": "Made up"}, BuildEpoch: built.Unix(), RecordSize: 24, IncludeReservedNetworks: true,
	})
	desktest.OK(t, err)
	desktest.OK(t, w.Insert(netipx.PrefixIPNet(netip.MustParsePrefix("203.0.113.0/24")), mmdbtype.Map{
		"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String(name), "country": mmdbtype.Map{"iso_code": mmdbtype.String("IE")},
	}))
	var b bytes.Buffer
	_, err = w.WriteTo(&b)
	desktest.OK(t, err)
	desktest.OK(t, os.WriteFile(path, b.Bytes(), 0o600))
}

// TestAFileOfNetworksReachesTheReport by the front door: a visitor's provider and
// country are those of the file at that time, a newer file is read while the
// server serves, and whoever reads its figures reads whose they are.
func TestAFileOfNetworksReachesTheReport(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	path := filepath.Join(t.TempDir(), "networks.mmdb")
	networks(t, path, "DBIP-ASN-Lite (compat=GeoLite2-ASN)", "Example Telecom", time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	h.networks = []string{path}
	h.rebuild(h.rows)
	h.site("UTC")
	come := func(from int) {
		t.Helper()
		for i := range 6 {
			h.view("203.0.113."+strconv.Itoa(from+i), "/a")
		}
		for i := range 3 {
			h.view("198.51.100."+strconv.Itoa(from+i), "/a") // of which the file says nothing
		}
	}
	come(1)
	mine := h.Do("GET", "/visits/mine", "", http.Header{"X-Forwarded-For": {"203.0.113.200"}, "User-Agent": {firefox}})
	const named, source = "IP Geolocation by DB-IP", ": DBIP-ASN-Lite (compat=GeoLite2-ASN), made 1 Nov 2026 , licence CC BY 4.0. Made up"
	desktest.Shows(t, mine, http.StatusOK, "Example Telecom (AS64500)", "Ireland", named, source)

	networks(t, path, "DBIP-ASN-Lite (compat=GeoLite2-ASN)", "Renamed Telecom", time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	desktest.OK(t, os.Chtimes(path, desktest.Start, desktest.Start.Add(time.Hour)))
	h.Clock.Advance(2 * time.Minute)
	h.d.sweep(t.Context())
	come(101)

	link := h.share()
	h.Clock.Advance(24 * time.Hour)
	desktest.OK(t, h.d.Turn(t.Context()))
	h.as("t-support")
	for panel, rows := range map[string]string{
		"provider": "Example Telecom (AS64500) 6 6 Renamed Telecom (AS64500) 6 6", "kind": "Access at home or work 12 12", "country": "Ireland 12 12",
	} {
		for where, page := range map[string]string{
			"the report": yesterday + "&panel=" + panel, "its panel": panelsHref + "/" + panel + "?site=1&period=yesterday", "a shared report": link + "?period=yesterday&panel=" + panel,
		} {
			got := h.Get(page)
			desktest.Shows(t, got, http.StatusOK, rows, named, strings.Replace(source, "1 Nov", "20 Nov", 1))
			if strings.Count(got.Body, `href="https://db-ip.com"`) != 1 {
				t.Errorf("%s does not lead to the maker of the file once", where)
			}
		}
	}
	desktest.Lacks(t, h.Get(yesterday+"&panel=language"), "DB-IP")
	reports, crowd, err := h.d.ownReports()
	desktest.OK(t, err)
	s, err := h.d.sites.numbered(t.Context(), 1)
	desktest.OK(t, err)
	letter, err := h.d.digestLetter(t.Context(), reports, crowd, s, subscription{ID: "d", Every: daily}, digestJob{From: knownDay + 1, To: knownDay + 1})
	desktest.OK(t, err)
	if !slices.ContainsFunc(letter.Blocks, func(b mail.Block) bool { return b.Text == named+", https://db-ip.com" }) {
		t.Errorf("the digest does not name the maker of the file: %+v", letter.Blocks)
	}
	desktest.Shows(t, h.Get(sitesHref), http.StatusOK, "made 20 Nov 2026", "CC BY 4.0")
}
