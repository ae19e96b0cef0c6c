package storetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Pair is a primary and a standby of PostgreSQL that confirms every commit
// before the client hears of it.
type Pair struct {
	Primary *Server
	Standby *Server
}

// NewPair starts a pair, which ends with the test.
func NewPair(tb testing.TB) *Pair {
	tb.Helper()
	p := &Pair{Primary: NewServer(tb)}
	p.Standby = &Server{bin: p.Primary.bin, owner: p.Primary.owner, dir: testDir(tb)}
	tb.Cleanup(func() { p.Standby.Kill() })
	var err error
	if p.Standby.port, err = freePort(); err != nil {
		tb.Fatal(err)
	}
	p.follow(tb)
	return p
}

// follow makes the standby from a copy of the primary, and has the primary wait
// for it.
func (p *Pair) follow(tb testing.TB) {
	tb.Helper()
	standby := p.Standby
	err := standby.own()
	if err == nil {
		err = standby.run("pg_basebackup", "-D", standby.data(), "-R", "-c", "fast", "-X", "stream", "--no-sync",
			"-d", fmt.Sprintf("postgres://loot@127.0.0.1:%d/?application_name=standby&sslmode=disable", p.Primary.port))
	}
	if err == nil {
		err = standby.start()
	}
	if err != nil {
		tb.Fatalf("start the standby: %v", err)
	}
	// Set after the copy was made: the standby, once promoted, waits for nobody.
	p.Primary.Exec(tb, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
	p.Primary.Exec(tb, "SELECT pg_reload_conf()")
	wait(tb, p.Primary, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
}

// Rejoin makes the server that was killed the standby of the one that was
// promoted, so that this one can be killed next.
func (p *Pair) Rejoin(tb testing.TB) {
	tb.Helper()
	wait(tb, p.Standby, "SELECT NOT pg_is_in_recovery()")
	p.Primary, p.Standby = p.Standby, p.Primary
	if err := os.RemoveAll(p.Standby.data()); err != nil {
		tb.Fatal(err)
	}
	p.follow(tb)
}

// Database makes a fresh database on the primary and returns an address that
// names both servers.
func (p *Pair) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("pair_%d", databases.Add(1))
	p.Primary.Exec(tb, "CREATE DATABASE "+name)
	address := p.Primary.URL(name)
	own, both := fmt.Sprintf("127.0.0.1:%d", p.Primary.port), fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", p.Primary.port, p.Standby.port)
	return strings.Replace(address, own, both, 1)
}

// Kill kills the primary.
func (p *Pair) Kill() { p.Primary.Kill() }

// Promote makes the standby the primary, as the operator's cluster manager does.
func (p *Pair) Promote(tb testing.TB) {
	tb.Helper()
	p.Standby.Exec(tb, "SELECT pg_promote()")
}

// wait waits until a query of one boolean is true.
func wait(tb testing.TB, s *Server, query string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var ok bool
		if err := conn.QueryRow(ctx, query).Scan(&ok); err != nil {
			tb.Fatalf("%s: %v", query, err)
		}
		if ok {
			return
		}
		<-tick.C
	}
}
