package app

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"loot"
	"loot/desk/billing"
	"loot/desk/billing/invoice"
	"loot/desk/visits"
	"loot/desk/visits/source"
)

// A Config is everything that an operator can set, as flags, environment
// variables and a file alike. Secrets come from files or the environment only.
// What only opens an installation, or only copies it, takes the parts it needs.
type Config struct {
	Place
	Roots
	Witnessing
	Statement  string   `help:"Statement that a first start puts in force. Default: the one that comes with Loot." type:"path" placeholder:"FILE" env:"LOOT_STATEMENT"`
	Listen     string   `help:"Address for people and programs." default:"127.0.0.1:8080" env:"LOOT_LISTEN"`
	Metrics    string   `help:"Address for Prometheus metrics; empty: none." default:"127.0.0.1:9090" env:"LOOT_METRICS"`
	BaseURL    string   `help:"Public address in links, such as https://privacy.example.com. Default: the listening address." placeholder:"URL" env:"LOOT_BASE_URL" name:"base-url"`
	Proxies    []string `help:"Networks whose X-Forwarded-For names the client, such as 10.0.0.0/8." placeholder:"CIDR" env:"LOOT_TRUSTED_PROXIES" name:"trusted-proxies"`
	SMTP       string   `help:"Mail server: smtp://USER@HOST:PORT (STARTTLS), smtps:// or, on this very machine, smtp+plain://; empty: an outbox in the console shows each message." placeholder:"URL" env:"LOOT_SMTP" name:"smtp"`
	SMTPSecret string   `help:"File with the mail server's password." type:"path" placeholder:"FILE" env:"LOOT_SMTP_PASSWORD_FILE" name:"smtp-password-file"`
	Receiving
	From       string `help:"Sender of mail." default:"Loot <no-reply@localhost>" env:"LOOT_FROM"`
	Company    string `help:"Single sign-on of staff: the OpenID Connect issuer." placeholder:"URL" env:"LOOT_OIDC_ISSUER" name:"oidc-issuer"`
	ClientID   string `help:"Client id at the issuer." env:"LOOT_OIDC_CLIENT_ID" name:"oidc-client-id"`
	ClientFile string `help:"File with the client's secret." type:"path" placeholder:"FILE" env:"LOOT_OIDC_CLIENT_SECRET_FILE" name:"oidc-client-secret-file"`
	Visiting
	Selling
	Outbound
	Verifying
	Publishing
	Memory    int64         `help:"MiB that the process should stay within, beside its own code: half of them for DuckDB." default:"512" env:"LOOT_MEMORY" name:"memory"`
	LogLevel  string        `help:"debug, info, warn or error." default:"info" enum:"debug,info,warn,error" env:"LOOT_LOG_LEVEL"`
	LogFormat string        `help:"text or json." default:"text" enum:"text,json" env:"LOOT_LOG_FORMAT"`
	Shutdown  time.Duration `help:"How long running requests and jobs may take to end." default:"20s" env:"LOOT_SHUTDOWN"`
}

// A Place is where an installation keeps its records, ledger and keys.
type Place struct {
	Data      string `help:"Folder for records, ledger and outbox. No key is kept in it." default:"data" type:"path" env:"LOOT_DATA"`
	Store     string `help:"Database for records and jobs: a PostgreSQL address; empty: SQLite in the data folder." placeholder:"URL" env:"LOOT_STORE"`
	KeyFolder string `help:"Folder for sealed epoch keys, outside the data folder; no data backup holds it. Default: the data folder's name with -keys." type:"path" placeholder:"DIR" env:"LOOT_KEY_FOLDER"`
	Keys      string `help:"Database for persons' keys: a PostgreSQL address; empty: SQLite in the key folder." placeholder:"URL" env:"LOOT_KEYS"`
	Log       string `help:"Folder of the ledger's tiles; shared by the nodes of a cluster. Default: log in the data folder." type:"path" placeholder:"DIR" env:"LOOT_LOG" name:"log-folder"`
}

// Visiting is how visits to the operator's sites are recorded.
type Visiting struct {
	Visits     string   `help:"Column store of visits: clickhouse://USER:PASSWORD@HOST:PORT/DATABASE; empty: DuckDB in the data folder." placeholder:"URL" env:"LOOT_VISITS" name:"visits"`
	VisitsPath string   `help:"Path under which the script of sites is served and their beacons come." default:"/v" env:"LOOT_VISITS_PATH" name:"visits-path"`
	Networks   []string `help:"Files in the MaxMind format that name providers and countries of addresses; asked in turn, read again when they change." type:"path" placeholder:"FILE" env:"LOOT_NETWORKS" name:"networks"`
	Spam       string   `help:"File of sites that are made-up referrers, one a line, beside those that are known." type:"path" placeholder:"FILE" env:"LOOT_SPAM_LIST" name:"spam-list"`
	Bits4      int      `help:"Bits of an IPv4 address that are kept." default:"24" env:"LOOT_VISITS_BITS4" name:"visits-bits4"`
	Bits6      int      `help:"Bits of an IPv6 address that are kept." default:"48" env:"LOOT_VISITS_BITS6" name:"visits-bits6"`
}

// Selling is who issues the invoices, as far as the statement does not say it.
type Selling struct {
	SellerName     string `help:"Company on invoices. Default: the controller of the statement." env:"LOOT_SELLER_NAME" name:"seller-name"`
	SellerAddress  string `help:"Its registered address, as 1 Example Quay, Dublin, Ireland. Default: the controller's." env:"LOOT_SELLER_ADDRESS" name:"seller-address"`
	SellerVAT      string `help:"Its VAT number; without it no invoice is issued, but for one that is exempt." env:"LOOT_SELLER_VAT" name:"seller-vat"`
	SellerRegister string `help:"Its number in the register of companies." env:"LOOT_SELLER_REGISTER" name:"seller-register"`
	SellerIBAN     string `help:"Account to which invoices are paid." env:"LOOT_SELLER_IBAN" name:"seller-iban"`
	SellerAccount  string `help:"Account to which invoices are paid, where it has no IBAN: its number as the bank writes it." env:"LOOT_SELLER_ACCOUNT" name:"seller-account"`
	SellerBIC      string `help:"Bank of the account." env:"LOOT_SELLER_BIC" name:"seller-bic"`
	SellerEmail    string `help:"Address for questions about invoices. Default: the controller's." env:"LOOT_SELLER_EMAIL" name:"seller-email"`
	SellerSeries   string `help:"Begins every number, before the year." default:"R" env:"LOOT_SELLER_SERIES" name:"seller-series"`
	SellerLanguage string `help:"Language of invoices, where a customer did not choose another: de, en, es, fr or nl." default:"en" env:"LOOT_SELLER_LANGUAGE" name:"seller-language"`
	SellerZone     string `help:"Time zone in which days and months end, such as Europe/Dublin." default:"UTC" env:"LOOT_SELLER_TIMEZONE" name:"seller-timezone"`
	SellerDays     int    `help:"Days in which invoices are to be paid." default:"14" env:"LOOT_SELLER_DAYS" name:"seller-days"`
	SellerTerms    string `help:"What the law wants said about paying late, or other terms of payment: it stands on every invoice." env:"LOOT_SELLER_TERMS" name:"seller-terms"`
	SellerOSS      bool   `help:"Consumers in other states of the EU pay the VAT of their own: the seller is in the one-stop shop." env:"LOOT_SELLER_OSS" name:"seller-oss"`
	SellerAuto     bool   `help:"Issue the invoices of a month by itself once it is over." env:"LOOT_SELLER_AUTO" name:"seller-auto"`

	SellerTaxNumber   string   `help:"Its number at the tax office, for who is exempt and has no VAT number." env:"LOOT_SELLER_TAX_NUMBER" name:"seller-tax-number"`
	SellerExempt      string   `help:"Reason for which it charges no VAT at home, as it stands on invoices, such as § 19 UStG for a small business." env:"LOOT_SELLER_EXEMPT" name:"seller-exempt"`
	SellerExemptCode  string   `help:"Code of the reason, of the list VATEX, if one fits." env:"LOOT_SELLER_EXEMPT_CODE" name:"seller-exempt-code"`
	SellerExemptFrom  string   `help:"First day of the exemption, as 2026-01-01." env:"LOOT_SELLER_EXEMPT_FROM" name:"seller-exempt-from"`
	SellerExemptUntil string   `help:"Its last day. Default: it has no end yet." env:"LOOT_SELLER_EXEMPT_UNTIL" name:"seller-exempt-until"`
	SellerExemptSpans []string `help:"Another span of days on which it is exempt, as \"2027-01-01/2027-12-31 VATEX-FR-FRANCHISE art. 293 B du CGI\": the first day and the last, if it has one, the code, if one fits, and the reason. Several are divided by a semicolon." placeholder:"SPAN" sep:";" env:"LOOT_SELLER_EXEMPT_SPANS" name:"seller-exempt-span"`
	InvoiceFonts      []string `help:"TrueType fonts for scripts that Inter does not have, on invoices and letters as PDF; a character is taken from the first that has it." type:"path" placeholder:"FILE" env:"LOOT_INVOICE_FONTS" name:"invoice-font"`
}

// seller returns who issues the invoices; of a made-up network a made-up company.
func (s Selling) seller(madeUp bool) billing.Seller {
	exempt := s.exemptions()
	if madeUp && s.SellerVAT == "" && len(exempt) == 0 {
		return billing.MadeUpSeller
	}
	return billing.Seller{
		Name: s.SellerName, Address: s.SellerAddress, VAT: s.SellerVAT, Register: s.SellerRegister, IBAN: s.SellerIBAN, Account: s.SellerAccount, BIC: s.SellerBIC, Email: s.SellerEmail,
		Series: s.SellerSeries, Language: s.SellerLanguage, Zone: s.SellerZone, Days: s.SellerDays, Terms: s.SellerTerms, OSS: s.SellerOSS, Auto: s.SellerAuto,
		TaxNumber: s.SellerTaxNumber, Exempt: exempt,
	}
}

// exemptions returns when the seller is exempt: the span of which each part is a setting,
// and the others.
func (s Selling) exemptions() (out []billing.Exemption) {
	one := billing.Exemption{Text: s.SellerExempt, Code: s.SellerExemptCode, From: s.SellerExemptFrom, Until: s.SellerExemptUntil}
	if one != (billing.Exemption{}) {
		out = append(out, one)
	}
	for _, line := range s.SellerExemptSpans {
		if strings.TrimSpace(line) != "" { // as behind the last semicolon
			out = append(out, billing.ExemptionOf(line))
		}
	}
	return out
}

// fonts reads the fonts for invoices, or says which one cannot be used.
func (s Selling) fonts() (out []*invoice.Font, err error) {
	for i, path := range s.InvoiceFonts {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, loot.Wrap(loot.Invalid, err, "--invoice-font: "+path+" cannot be read.")
		}
		font, err := invoice.ParseFont(i+1, file)
		switch {
		case errors.Is(err, invoice.ErrEmbedding):
			return nil, loot.Wrap(loot.Invalid, err, "--invoice-font: "+path+" says of itself that it may not be embedded in documents. Take another font.")
		case err != nil:
			return nil, loot.Wrap(loot.Invalid, err, "--invoice-font: "+path+" is not a TrueType font with outlines (.ttf); OpenType with CFF (.otf), collections (.ttc) and WOFF are not read.")
		}
		out = append(out, font)
	}
	return out, nil
}

// withDefaults are for whoever makes a config without the command line.
func (v Visiting) withDefaults(p Place) Visiting {
	if v.Visits == "" {
		v.Visits = "duckdb:" + filepath.Join(p.Data, "visits")
	}
	v.VisitsPath = "/" + strings.Trim(cmp.Or(v.VisitsPath, "/v"), "/")
	v.Bits4, v.Bits6 = cmp.Or(v.Bits4, 24), cmp.Or(v.Bits6, 48)
	return v
}

var validPath = regexp.MustCompile(`^(/[a-z0-9_-]{1,32})+$`)

// options returns what the desk of visits goes by, or what is wrong with it.
func (v Visiting) options() (o visits.Options, err error) {
	switch {
	case !validPath.MatchString(v.VisitsPath):
		return o, loot.Errorf(loot.Invalid, "--visits-path: a path is made of small letters, digits, - and _, such as /v.")
	case v.Bits4 < 8 || v.Bits4 > 24:
		return o, loot.Errorf(loot.Invalid, "--visits-bits4 is between 8 and 24: more would tell a connection from its neighbours.")
	case v.Bits6 < 16 || v.Bits6 > 48:
		return o, loot.Errorf(loot.Invalid, "--visits-bits6 is between 16 and 48: more would tell a household from its neighbours.")
	}
	o = visits.Options{Path: v.VisitsPath, Networks: v.Networks, Bits4: v.Bits4, Bits6: v.Bits6}
	if v.Spam == "" {
		return o, nil
	}
	f, err := os.Open(v.Spam)
	if err != nil {
		return o, loot.Wrap(loot.Invalid, err, "--spam-list: the file cannot be read.")
	}
	defer f.Close()
	if o.Spam, err = source.ReadSpam(f); err != nil {
		return o, loot.Wrap(loot.Invalid, err, "--spam-list: "+err.Error())
	}
	return o, nil
}

// Roots seal the key folder.
type Roots struct {
	Root            string `help:"Root key: file:PATH, passphrase:PATH (file that holds it), transit:URL#KEY (Vault or OpenBao, token in LOOT_TRANSIT_TOKEN_FILE). Default: a file of mode 0600 beside the data folder." placeholder:"ROOT" env:"LOOT_ROOT"`
	TokenFile       string `help:"File with the token for a transit root." type:"path" placeholder:"FILE" env:"LOOT_TRANSIT_TOKEN_FILE" name:"transit-token-file"`
	FormerRoot      string `help:"Root key that is being replaced, written alike: opens what it sealed until loot keys rotate has wrapped all of it by the root." placeholder:"ROOT" env:"LOOT_FORMER_ROOT"`
	FormerTokenFile string `help:"File with the token for a former transit root. Default: that of the root." type:"path" placeholder:"FILE" env:"LOOT_FORMER_TRANSIT_TOKEN_FILE" name:"former-transit-token-file"`
}

// Witnessing is who watches the ledger.
type Witnessing struct {
	Witnesses     []string `help:"Witnesses of the ledger: VKEY=URL." placeholder:"VKEY=URL" env:"LOOT_WITNESSES" name:"witness"`
	WitnessQuorum int      `help:"How many witnesses must have cosigned before a checkpoint is shown or a receipt stands on it. With 0 the ledger goes on without those that cannot be reached." default:"0" env:"LOOT_WITNESS_QUORUM"`
}

// withDefaults puts all that has no place of its own beside the data folder.
func (p Place) withDefaults() Place {
	if p.KeyFolder == "" {
		p.KeyFolder = p.Data + "-keys"
	}
	if p.Store == "" {
		p.Store = p.sqliteStore()
	}
	if p.Keys == "" {
		p.Keys = "sqlite:" + filepath.Join(p.KeyFolder, "persons.db")
	}
	if p.Log == "" {
		p.Log = filepath.Join(p.Data, "log")
	}
	return p
}

// withDefaults fills in the place, its root and the public address.
func (c Config) withDefaults() Config {
	c.Place = c.Place.withDefaults()
	c.Visiting = c.Visiting.withDefaults(c.Place)
	if c.Root == "" {
		c.Root = "file:" + c.Data + ".root.key"
	}
	if c.BaseURL == "" {
		c.BaseURL = "http://" + c.Listen
		// Browsers give passkeys to names, not to bare addresses, and nobody
		// reaches the address that means all of them.
		if host, port, err := net.SplitHostPort(c.Listen); err == nil && slices.Contains([]string{"", "0.0.0.0", "::", "127.0.0.1"}, host) {
			c.BaseURL = "http://localhost:" + port
		}
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.Shutdown == 0 {
		c.Shutdown = 20 * time.Second
	}
	c.Memory = cmp.Or(c.Memory, 512)
	return c
}

// leastMemory is with what reports on visits with several filters were seen to
// work for a site of a million views.
const leastMemory = 256

// memory returns how many bytes are for DuckDB, and for Go.
func (c Config) memory() (duckdb, rest int64) {
	all := c.Memory << 20
	if !strings.HasPrefix(c.Visits, "duckdb:") {
		return 0, all
	}
	return all / 2, all / 2
}

// Check says what is wrong with the settings of a server, as far as that shows
// before anything is made or opened.
func (c Config) Check(ctx context.Context) error {
	c = c.withDefaults()
	if err := c.whole(); err != nil {
		return err
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if _, err := c.witnesses(); err != nil {
		return err
	}
	if err := c.public(); err != nil {
		return err
	}
	if c.Memory < leastMemory {
		return loot.Errorf(loot.Invalid, "--memory: the server needs %d MiB at least.", leastMemory)
	}
	if _, err := c.Visiting.options(); err != nil {
		return err
	}
	if err := c.seller(false).Check(); err != nil {
		return err
	}
	if _, err := c.fonts(); err != nil {
		return err
	}
	if _, err := c.Outbound.networks(); err != nil {
		return err
	}
	if _, err := c.smtp(nil, nil); err != nil {
		return err
	}
	if err := c.Receiving.check(); err != nil {
		return err
	}
	if _, err := c.company(); err != nil {
		return err
	}
	if !there(c.Data) { // afterwards the file is of no account
		if _, err := c.written(); err != nil {
			return err
		}
	}
	if err := canBeMade(c.Data); err != nil {
		return err
	}
	if err := canBeMade(c.KeyFolder); err != nil {
		return err
	}
	_, _, err := c.roots(ctx)
	return err
}

// public says what is wrong with the address in links and the sender of mail.
func (c Config) public() error {
	if u, err := url.Parse(c.BaseURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return loot.Errorf(loot.Invalid, "--base-url: the public address begins with https:// or http:// and a host, such as https://privacy.example.com.")
	}
	if _, err := mail.ParseAddress(c.From); c.From != "" && err != nil {
		return loot.Errorf(loot.Invalid, "--from: a sender is written Name <name@example.com>.")
	}
	return nil
}

// canBeMade reports why there can be no folder, by trying it with another one
// that is taken away again.
func canBeMade(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return errFolder(dir, syscall.ENOTDIR)
	}
	if err == nil {
		return nil
	}
	above := filepath.Dir(dir)
	for above != filepath.Dir(above) && !there(above) {
		above = filepath.Dir(above)
	}
	try, err := os.MkdirTemp(above, ".loot")
	if err != nil {
		return errFolder(dir, err)
	}
	return os.Remove(try)
}

func errFolder(dir string, err error) error {
	return loot.Wrap(loot.Unavailable, err, "The folder "+dir+" cannot be made. Choose another with --data or --key-folder, or change its permissions.")
}

// sqliteStore is the database of records when no other is named.
func (p Place) sqliteStore() string { return "sqlite:" + filepath.Join(p.Data, "loot.db") }
