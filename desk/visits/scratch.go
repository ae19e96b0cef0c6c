package visits

import (
	"context"
	"fmt"
	"math/rand/v2"

	"loot/column"
	"loot/store"
)

// ScratchSite is the site of load tests, and where its beacons go.
type ScratchSite struct {
	Number uint16
	Script string
	Host   string
	Path   string // of beacons and scripts
}

// Scratch adds a site for a load test, with views of the last days, the last of
// which is today.
func (d *Visits) Scratch(ctx context.Context, script string, views, days int) (ScratchSite, error) {
	s := &Site{Name: "Load test " + script, Hosts: []string{script + ".example"}, Zone: "UTC", Script: script, Full: true, Made: d.Now()}
	if wrong := s.check(nil); len(wrong) > 0 {
		return ScratchSite{}, fmt.Errorf("visits: scratch: %v", wrong)
	}
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error { return writeSite(ctx, tx, s) }); err != nil {
		return ScratchSite{}, err
	}
	d.sites.forget()
	today, _ := s.local(d.Now())
	if views > 0 {
		if err := Fill(ctx, d.column, s.Number, today, days, views); err != nil {
			return ScratchSite{}, err
		}
	}
	return ScratchSite{Number: s.Number, Script: script, Host: s.Hosts[0], Path: d.options.Path + "/" + script}, nil
}

// Fill writes made-up views of a site, as many a day, of which those of all days
// but the last are sealed.
func Fill(ctx context.Context, rows column.Store, site uint16, last column.Day, days, views int) error {
	m := newSampler(site)
	var past []column.Day
	for day := last - column.Day(days) + 1; day <= last; day++ {
		var hits []hit
		var stays []stay
		flush := func() error {
			err := appendLate(ctx, rows, day, batchOf(hits, stays))
			hits, stays = nil, nil
			return err
		}
		for made := 0; made < views/days; {
			visited, stayed := m.visit()
			made += len(stayed)
			hits, stays = append(hits, visited...), append(stays, stayed...)
			if len(hits)+len(stays) > column.MaxBatch-64 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := flush(); err != nil {
			return err
		}
		if day < last {
			past = append(past, day)
		}
	}
	return rows.Seal(ctx, past...)
}

// batchOf is rows to append.
func batchOf(hits []hit, stays []stay) column.Batch {
	batch := column.Batch{}
	for i := range hits {
		batch[tableHit] = append(batch[tableHit], rowOf(&hits[i], hitsOnly, hitColumns))
	}
	for i := range stays {
		batch[tableStay] = append(batch[tableStay], rowOf(&stays[i], stayColumns))
	}
	return batch
}

var countryCodes = []string{"IE", "GB", "DE", "US", "FR", "NL", "PL", "ES", "IT", "CA", "AT", "CH", "BE", "SE", "DK", "PT", "CZ", "FI", "NO", "GR"}

// A sampler makes up visits, with a few values of each kind that many have and
// many that few have.
type sampler struct {
	*rand.Rand
	site uint16
	draw map[string]*rand.Zipf
}

func newSampler(site uint16) *sampler {
	m := &sampler{Rand: rand.New(rand.NewPCG(1, uint64(site))), site: site, draw: map[string]*rand.Zipf{}}
	for what, n := range map[string]uint64{"path": 3000, "source": 200, "country": 60, "provider": 1500, "network": 20_000, "version": 60} {
		m.draw[what] = rand.NewZipf(m.Rand, 1.2, 8, n-1)
	}
	return m
}

func (m *sampler) one(what string) int { return int(m.draw[what].Uint64()) }

// visit returns the pages of a visit, what happened on them, and how long each
// lasted.
func (m *sampler) visit() (hits []hit, stays []stay) {
	v := m.one("version")
	h := hit{
		second: uint32(m.IntN(80_000)), site: m.site, who: visitor(m.Int64()), visit: m.Int64(), host: "www.example.com",
		channel: fmt.Sprint("channel ", m.IntN(7)), source: fmt.Sprintf("source%d.example", m.one("source")),
		country: countryCodes[m.one("country")%len(countryCodes)], provider: fmt.Sprintf("Provider %d (AS%d)", m.one("provider"), 64496+m.IntN(16)),
		kind: []string{"access", "mobile", "business"}[m.IntN(3)], network: fmt.Sprintf("192.%d.%d.0/24", m.one("network")/256, m.one("network")%256),
		language: []string{"en", "de", "fr", "ga", "pl"}[m.IntN(5)], browser: fmt.Sprint("Browser ", v%8), version: fmt.Sprint("Browser ", v%8, " ", v),
		system: fmt.Sprint("System ", v%5), release: fmt.Sprint("System ", v%5, " ", v%20), device: []string{"desktop", "phone", "tablet"}[m.IntN(3)],
		width: uint8(1 + m.IntN(5)), class: human, via: "tag",
	}
	if m.IntN(20) == 0 {
		h.class, h.bot = "declared", fmt.Sprint("Crawler ", m.IntN(40))
	}
	for n := range 1 + min(m.IntN(6), m.IntN(6)) {
		h.nth, h.page, h.before, h.path = uint16(n+1), m.Int64(), h.path, fmt.Sprint("/a/page/of/it/", m.one("path"))
		if n == 0 {
			h.before, h.entry = "", h.path
		}
		h.second += uint32(m.IntN(90))
		hits = append(hits, h)
		stays = append(stays, stay{m.site, h.page, uint32(m.IntN(60_000)), uint8(m.IntN(100))})
		if m.IntN(12) == 0 {
			e := h
			e.nth, e.event, e.target = 0, eventOutbound, fmt.Sprintf("other%d.example/", m.IntN(50))
			hits = append(hits, e)
		}
	}
	return hits, stays
}
