package visits

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"loot"
	"loot/column"
	"loot/desk"
	"loot/desk/visits/source"
	"loot/store"
)

// demoDays is how long visits were recorded in the demonstration: three weeks,
// as each day takes its time to be sealed.
const demoDays = 21

// A often is a value, and how often it is met among the others.
type often struct {
	value string
	n     int
}

// A chance draws one of several values.
type chance struct {
	of  []often
	sum int
}

func chances(of ...often) chance {
	c := chance{of: of}
	for _, o := range of {
		c.sum += o.n
	}
	return c
}

func (c chance) draw(r *rand.Rand) string {
	n := r.IntN(c.sum)
	for _, o := range c.of {
		if n -= o.n; n < 0 {
			return o.value
		}
	}
	return ""
}

// A demoSite is a site of the made-up network.
type demoSite struct {
	Site
	daily int // visits on an ordinary day
	pages chance
}

var demoSites = []demoSite{
	{Site{Name: "Example Network", Hosts: []string{"www.network.example", "network.example"}, Zone: "Europe/Dublin", Script: "main", Full: true, Currency: "EUR"}, 420, chances(
		often{"/", 260}, often{"/services", 90}, often{"/services/office", 60}, often{"/services/hosting", 48}, often{"/prices", 110}, often{"/order", 50}, often{"/order/thanks", 14},
		often{"/about", 26}, often{"/contact", 34}, often{"/privacy", 12}, often{"/blog", 42}, often{"/blog/moving-an-office-in-a-day", 38}, often{"/blog/what-a-good-contract-says", 24},
		often{"/blog/a-very-long-title-about-keeping-the-lights-on-while-everything-around-moves-to-another-place", 9}, often{"/help", 40}, often{"/help/first-invoice", 22}, often{"/help/end-a-service", 11}, often{"/jobs", 10},
	)},
	{Site{Name: "Help Centre", Hosts: []string{"help.network.example"}, Zone: "Europe/Dublin", Script: "help", Full: true}, 90, chances(
		often{"/", 60}, often{"/search", 30}, often{"/articles/invoices", 26}, often{"/articles/passwords", 34}, often{"/articles/moving", 12}, often{"/articles/permissions", 8}, often{"/status", 18},
	)},
	{Site{Name: "Examples' Choir", Hosts: []string{"choir.network.example"}, Zone: "Europe/London", Script: "choir"}, 14, chances(
		often{"/", 30}, often{"/concerts", 14}, often{"/join", 6},
	)},
}

// What the visitors of the demonstration have. The numbers of the networks are
// those that are kept for examples (RFC 5398).
var (
	demoChannels = chances(often{"direct", 300}, often{"search", 340}, often{"referral", 80}, often{"social", 70}, often{"AI", 40}, often{"mail", 24}, often{"paid", 46})
	demoSources  = map[string]chance{
		"search":   chances(often{"Google", 80}, often{"Bing", 9}, often{"DuckDuckGo", 6}, often{"Ecosia", 3}),
		"referral": chances(often{"trade-weekly.example", 30}, often{"city-guide.example", 14}, often{"forum.example", 8}),
		"social":   chances(often{"LinkedIn", 30}, often{"Mastodon", 12}, often{"Reddit", 8}),
		"AI":       chances(often{"ChatGPT", 24}, often{"Perplexity", 7}, often{"Claude", 6}),
		"mail":     chances(often{"newsletter", 1}),
		"paid":     chances(often{"Google", 3}, often{"LinkedIn", 1}),
	}
	demoCountries = chances(often{"IE", 520}, often{"GB", 210}, often{"DE", 70}, often{"FR", 44}, often{"US", 60}, often{"NL", 20}, often{"ES", 16}, often{"PL", 14}, often{"", 8}, often{"PT", 5}, often{"IS", 2})
	demoLanguages = map[string]string{"DE": "de", "FR": "fr", "NL": "nl", "ES": "es", "PL": "pl", "PT": "pt"}
	demoProviders = chances(often{"Westport Fibre (AS64496)|access", 210}, often{"Liffey Cable (AS64497)|access", 160}, often{"Atlantic Mobile (AS64498)|mobile", 150}, often{"Thames Broadband (AS64499)|access", 90},
		often{"Rhein Netz (AS64500)|access", 50}, often{"Réseau Exemple (AS64501)|access", 34}, often{"Prairie Wireless (AS64502)|mobile", 30}, often{"University of Exampleford (AS64503)|education", 22},
		often{"Exampleford Insurance (AS64504)|business", 14}, often{"Quarry & Sons (AS64505)|business", 3}, often{"Northern Cloud (AS64506)|hosting", 6})
	demoBrowsers = chances(often{"Chrome 142|Windows 11|desktop|4", 190}, often{"Chrome 142|Android 15|phone|1", 150}, often{"Safari 26|iOS 26|phone|1", 170}, often{"Safari 26|macOS 26|desktop|3", 70},
		often{"Firefox 144|Windows 11|desktop|4", 42}, often{"Firefox 144|Linux|desktop|5", 20}, often{"Edge 142|Windows 11|desktop|4", 64}, often{"Chrome 141|Windows 10|desktop|3", 40}, often{"Safari 18|iPadOS 18|tablet|2", 24}, often{"Samsung Internet 28|Android 14|phone|1", 26})
	demoBots    = chances(often{"declared|Googlebot", 30}, often{"declared|Bingbot", 16}, often{"declared|GPTBot", 14}, often{"declared|AhrefsBot", 8}, often{"declared|UptimeRobot", 20}, often{"suspected|", 12}, often{"spam|", 2})
	demoMissing = chances(often{"/services/ofice", 6}, often{"/prices-2024", 3}, often{"/wp-login.php", 2})
	demoHours   = chances(often{"0", 5}, often{"1", 3}, often{"2", 2}, often{"3", 2}, often{"4", 2}, often{"5", 4}, often{"6", 10}, often{"7", 20}, often{"8", 40}, often{"9", 62}, often{"10", 66}, often{"11", 62},
		often{"12", 52}, often{"13", 56}, often{"14", 62}, often{"15", 58}, often{"16", 50}, often{"17", 38}, often{"18", 30}, often{"19", 34}, often{"20", 38}, often{"21", 32}, often{"22", 20}, often{"23", 10})
)

// Of the week, as hundredths of an ordinary day.
var demoWeek = [7]int{time.Sunday: 46, time.Monday: 108, time.Tuesday: 118, time.Wednesday: 116, time.Thursday: 110, time.Friday: 92, time.Saturday: 48}

// The newsletter goes out twice, and the second time everybody reads it.
const (
	demoLetter   = 3 // days before the end
	demoEarlier  = 10
	demoCampaign = "autumn-offer"
)

// demo has made-up people visit the sites of the network. Nobody
// could wait until each of them had clicked: their rows are written as those of
// real visits are, and the days that are over are sealed.
func (d *Visits) demo(_ context.Context, w *desk.World) error {
	w.History.On(w.History.End.AddDate(0, 0, -demoDays), d.demoOpen)
	w.History.On(w.History.End, func(ctx context.Context) error {
		if err := d.demoVisits(ctx, w.History.End); err != nil {
			return fmt.Errorf("visits: demonstration: %w", err)
		}
		return nil
	})
	return nil
}

// demoOpen adds the sites.
func (d *Visits) demoOpen(ctx context.Context) error {
	defer d.sites.forget()
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		for _, one := range demoSites {
			s := one.Site
			s.Made = d.Now()
			if err := writeSite(ctx, tx, &s); err != nil {
				return err
			}
			if _, err := d.Gate.Note(ctx, tx, loot.Actor{Kind: loot.Desk, ID: Name}, "visits.site added", "site "+strconv.Itoa(int(s.Number))); err != nil {
				return err
			}
		}
		return keepScripts(ctx, tx)
	})
}

func (d *Visits) demoVisits(ctx context.Context, end time.Time) error {
	d.turning.Lock()
	defer d.turning.Unlock()
	all, err := d.sites.list(ctx)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(5, 17))
	today := d.today(all, end)
	var past []column.Day
	for day := column.DayOf(end) - demoDays; day <= column.DayOf(end); day++ {
		p := &demoPlay{r: r, day: day, ago: int(column.DayOf(end) - day)}
		for _, s := range all {
			i := slices.IndexFunc(demoSites, func(o demoSite) bool { return o.Script == s.Script })
			on, until := s.local(end)
			if i < 0 || on < day {
				continue
			}
			p.site, p.of, p.until = s, demoSites[i], until
			if on > day {
				p.until = 24 * 3600
			}
			p.visits()
		}
		for part := range slices.Chunk(p.all, column.MaxBatch/2) {
			if err := d.keep(ctx, day, part); err != nil {
				return err
			}
		}
		if day < today {
			past = append(past, day)
		}
	}
	return d.column.Seal(ctx, past...)
}

// A demoPlay is a day of the demonstration in the making.
type demoPlay struct {
	r     *rand.Rand
	day   column.Day
	ago   int
	site  *Site
	of    demoSite
	until uint32 // second of the day
	last  *hit   // visit, whose visitor may come again
	all   []*recording
}

func (p *demoPlay) visits() {
	n := p.of.daily * demoWeek[p.day.Time().Weekday()] * (120 - p.ago/2) * (90 + p.r.IntN(21)) / 1_000_000
	p.last = nil
	for range n {
		p.visit("")
	}
	if p.of.daily > 300 {
		letters := map[int]int{demoLetter: 420, demoLetter - 1: 150, demoLetter - 2: 60, demoEarlier: 70, demoEarlier - 1: 30}[p.ago]
		for range letters {
			p.visit(demoCampaign)
		}
	}
	for range n / 9 {
		p.program()
	}
}

// begin returns who comes, and from where; nil: it is later than now.
func (p *demoPlay) begin() *hit {
	hour, _ := strconv.Atoi(demoHours.draw(p.r))
	second := uint32(hour*3600 + p.r.IntN(3600))
	if second >= p.until {
		return nil
	}
	provider, kind, _ := strings.Cut(demoProviders.draw(p.r), "|")
	return &hit{
		second: second, site: p.site.Number, who: visitor(p.r.Int64()>>1 | 1), visit: p.r.Int64()>>1 | 1, host: p.site.Hosts[0], channel: string(source.Direct),
		country: demoCountries.draw(p.r), provider: provider, kind: kind, network: fmt.Sprintf("198.51.%d.0/24", p.r.IntN(9)), class: human, via: "tag",
	}
}

func (p *demoPlay) visit(campaign string) {
	if p.last != nil && p.r.IntN(7) == 0 {
		h := *p.last
		h.visit, h.channel, h.source, h.campaign, h.medium, h.term, h.clicked = p.r.Int64()>>1|1, string(source.Direct), "", "", "", "", false
		h.second += 3600 + uint32(p.r.IntN(7200))
		p.last = nil
		p.read(&h, p.of.pages.draw(p.r), false)
	}
	h := p.begin()
	if h == nil {
		return
	}
	b := strings.Split(demoBrowsers.draw(p.r), "|")
	h.version, h.release, h.device = b[0], b[1], b[2]
	h.browser, h.system = b[0][:strings.LastIndex(b[0], " ")], b[1]
	if at := strings.LastIndex(b[1], " "); at > 0 {
		h.system = b[1][:at]
	}
	h.width = b[3][0] - '0'
	if h.language = demoLanguages[h.country]; h.language == "" {
		h.language = "en"
	}
	h.channel = demoChannels.draw(p.r)
	if from, ok := demoSources[h.channel]; ok {
		h.source = from.draw(p.r)
	}
	entry := p.of.pages.draw(p.r)
	if h.channel == "paid" {
		h.campaign, h.medium, h.term, h.clicked, entry = "office-services", "cpc", "office services", true, "/services/office"
	}
	if campaign != "" {
		h.channel, h.source, h.campaign, h.medium, entry = "mail", "newsletter", campaign, "email", "/prices"
		h.country = "IE"
	}
	if p.site.Script != demoSites[0].Script && !strings.HasPrefix(entry, "/articles") {
		entry = "/"
	}
	again := *h
	p.last = &again
	p.read(h, entry, campaign != "")
}

// read has a visitor look at pages, and do something on some.
func (p *demoPlay) read(h *hit, entry string, keen bool) {
	pages := 1 + min(p.r.IntN(8), p.r.IntN(8), p.r.IntN(9))
	if keen {
		pages++
	}
	path := entry
	for nth := 1; nth <= pages && h.second < p.until; nth++ {
		v := *h
		v.nth, v.page, v.path, v.entry = uint16(nth), p.r.Int64()>>1|1, path, entry
		engaged := uint32(3000 + p.r.IntN(20_000) + p.r.IntN(60_000)*p.r.IntN(2))
		p.all = append(p.all, &recording{hit: &v, day: p.day},
			&recording{stay: &stay{site: h.site, page: v.page, engaged: engaged, scroll: uint8(min(100, 15+p.r.IntN(100)))}, day: p.day})
		p.events(v, keen)
		h.before = path
		path = p.of.pages.draw(p.r)
		h.second += engaged/1000 + uint32(p.r.IntN(20))
	}
}

func (p *demoPlay) events(v hit, keen bool) {
	if !p.site.Full {
		return
	}
	happen := func(event, target string, amount float64, path string) {
		v.nth, v.event, v.target, v.amount, v.path = 0, event, target, amount, path
		p.all = append(p.all, &recording{hit: &v, day: p.day})
	}
	switch n := p.r.IntN(100); {
	case v.path == "/order/thanks" || keen && n < 7:
		happen("order", "office", float64(29+10*p.r.IntN(9)), v.path)
	case v.path == "/contact" && n < 40:
		happen(eventForm, "contact", 0, v.path)
	case n < 2:
		happen(eventMissing, "", 0, demoMissing.draw(p.r))
	case n < 5:
		happen(eventOutbound, []string{"trade-weekly.example/examples", "maps.example", "status.network.example"}[p.r.IntN(3)], 0, v.path)
	case n < 8:
		happen(eventDownload, []string{"/files/price-list.pdf", "/files/contract.pdf"}[p.r.IntN(2)], 0, v.path)
	case n < 10:
		happen("newsletter sign-up", "", 0, v.path)
	}
}

func (p *demoPlay) program() {
	h := p.begin()
	if h == nil {
		return
	}
	h.class, h.bot, _ = strings.Cut(demoBots.draw(p.r), "|")
	h.provider, h.kind, h.nth, h.page, h.path = "Northern Cloud (AS64506)", "hosting", 1, p.r.Int64()>>1|1, p.of.pages.draw(p.r)
	h.entry = h.path
	p.all = append(p.all, &recording{hit: h, day: p.day})
}
