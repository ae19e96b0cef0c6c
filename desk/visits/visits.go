// Package visits records visits to the operator's sites while the visitors stay
// incognito: provider, truncated address, browser, pages, origin and length of
// stay, by keys of a day that are destroyed; and reports on them in crowds. It
// knows no customer, and whoever signed in is nobody here.
package visits

import (
	"crypto/rand"
	"embed"
	"fmt"
	"hash/maphash"
	"io/fs"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"loot"
	"loot/api"
	"loot/column"
	"loot/desk"
	"loot/desk/visits/agent"
	"loot/desk/visits/network"
	"loot/tag"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Name is the desk's among the parts of the program that the statement names.
const Name = "visits"

// Keeps are the clauses that the desk carries out.
var Keeps = []loot.Clause{"network.voluntary", "network.technical", "network.visit", "network.incognito", "network.improve"}

// Options are what an operator sets.
type Options struct {
	Path     string   // under which scripts are served and beacons come, such as "/v"
	Networks []string // files of providers and countries, asked in turn
	Spam     []string // sites of referrer spam
	Bits4    int      // that are kept of an IPv4 address
	Bits6    int
}

// Visits is the desk.
type Visits struct {
	desk.Kit
	options  Options
	staff    desk.Staff
	column   column.Store
	networks *network.Databases
	agents   *agent.Cache
	ruling   ruling
	sites    sites
	secrets  secrets
	live     *lane
	imports  imports
	novel    novel
	seed     maphash.Seed
	made     atomic.Pointer[madeNetwork]
	turning  sync.Mutex // held while days are ended, and while past ones are made up

	uploading sync.Mutex // held while a file that was sent by a form is imported

	reporting sync.Mutex
	reports   *Reports // in the crowd of the statement in force; nil: nobody asked yet

	counting sync.Mutex
	counts   map[string]*atomic.Int64
	scripts  sync.Map // by hash, *web.Packed of all that were asked for
}

// New returns the desk, which keeps its rows in a column store.
func New(kit desk.Kit, rows column.Store, staff desk.Staff, o Options) (*Visits, error) {
	networks, err := network.Open(o.Networks, time.Minute, kit.Now)
	if err != nil {
		return nil, loot.Wrap(loot.Invalid, err, "--networks: "+err.Error())
	}
	d := &Visits{
		Kit: kit, options: o, staff: staff, column: rows, networks: networks, agents: agent.NewCache(),
		ruling:  ruling{gate: kit.Gate, now: kit.Now, whole: o.Bits4 >= 32 || o.Bits6 >= 128},
		sites:   sites{db: kit.DB, now: kit.Now, spam: o.Spam},
		secrets: secrets{db: kit.DB, gate: kit.Gate, keyring: kit.Keyring, known: map[secretOf][]byte{}},
		live:    newLane(live),
		seed:    maphash.MakeSeed(),
		counts:  map[string]*atomic.Int64{},
	}
	if d.imports.secret, err = kit.Keyring.Secret("visits", func() []byte { return []byte(rand.Text()) }); err != nil {
		return nil, fmt.Errorf("visits: the secret of imports: %w", err)
	}
	for _, now := range []tag.Script{tag.Core(), tag.Full()} {
		d.scripts.Store(now.Hash, packed(now.Text))
	}
	d.jobs()
	d.letterJobs()
	return d, nil
}

// A madeNetwork is an address whose network is made up, for a proof.
type madeNetwork struct {
	addr netip.Addr
	is   network.Network
}

// lookup says what is known of the network of an address.
func (d *Visits) lookup(addr netip.Addr) network.Network {
	if m := d.made.Load(); m != nil && m.addr == addr {
		return m.is
	}
	return d.networks.Lookup(addr)
}

// Desk returns what the program is given of it.
func (d *Visits) Desk() desk.Desk {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the files are in the program
	}
	return desk.Desk{
		Name: Name, Keeps: Keeps, Migrations: sub, Routes: slices.Concat(d.routes(), d.reportRoutes(), d.keptRoutes()), Nav: nav(),
		API: func(a *api.API) { d.api(a); d.reportAPI(a); d.keptAPI(a); d.goalAPI(a); d.siteAPI(a) }, Proofs: d.proofs(), AtWork: d.atWork, Demo: d.demo,
	}
}

// count notes what became of something that came.
func (d *Visits) count(what string, n int) {
	d.counting.Lock()
	c := d.counts[what]
	if c == nil {
		c = &atomic.Int64{}
		d.counts[what] = c
	}
	d.counting.Unlock()
	c.Add(int64(n))
}

// A Count is how often something came of what was sent to this process.
type Count struct {
	What string
	N    int64
}

// Counts returns what became of all that came since the process began.
func (d *Visits) Counts() (out []Count) {
	d.counting.Lock()
	defer d.counting.Unlock()
	for what, n := range d.counts {
		out = append(out, Count{what, n.Load()})
	}
	if n := d.novel.beyond(); n > 0 {
		out = append(out, Count{foldedValue, n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		if a.N != b.N {
			return int(b.N - a.N)
		}
		if a.What < b.What {
			return -1
		}
		return 1
	})
	return out
}
