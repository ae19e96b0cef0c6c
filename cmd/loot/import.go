package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"loot"
	"loot/desk/imports"
)

type importCmd struct {
	Customers importCustomersCmd `cmd:"" help:"Take customers over from CSV, or customers and services from a dump of the database of WHMCS or FOSSBilling."`
	Services  importServicesCmd  `cmd:"" help:"Take services over, from CSV, whose customers were taken over before."`
	Invoices  importInvoicesCmd  `cmd:"" help:"Keep old invoices, from CSV, whose customers were taken over before."`
	Resume    importResumeCmd    `cmd:"" help:"Go on with an import that was stopped or interrupted."`
}

// A taking is what every command about imports needs to reach the server.
type taking struct {
	reached
	TokenFile string `help:"File with a token of a colleague in billing or support that may import (imports:write)." required:"" type:"path" placeholder:"FILE" env:"LOOT_TOKEN_FILE"`
	DryRun    bool   `help:"Say what would become of the rows, and stop." name:"dry-run"`
}

type (
	importCustomersCmd struct{ takenFile }
	importServicesCmd  struct{ takenFile }
	importInvoicesCmd  struct{ takenFile }
)

// Run takes customers over.
func (i *importCustomersCmd) Run(c *command) error { return i.run(c, "clients") }

// Run takes services over.
func (i *importServicesCmd) Run(c *command) error { return i.run(c, "services") }

// Run keeps invoices.
func (i *importInvoicesCmd) Run(c *command) error { return i.run(c, "invoices") }

// A takenFile is a file and what is said of it.
type takenFile struct {
	taking
	Mapping string `help:"Name under which the console remembers what the columns are; default: as they are called." placeholder:"NAME"`
	From    string `help:"The system from which it comes; customers read it." placeholder:"NAME"`
	Dates   string `help:"Order of the parts of a day: ymd, dmy or mdy." enum:",ymd,dmy,mdy" default:"" placeholder:"ORDER"`
	Service string `help:"What customers have beside whom no service stands: its id in the statement and, behind a bar, its plan." placeholder:"ID[|PLAN]"`
	File    string `arg:"" help:"CSV, or a dump as SQL or JSON." type:"path"`
}

type importResumeCmd struct {
	taking
	ID string `arg:"" help:"The import's id, as the command that was interrupted told it."`
}

// A taker speaks with the server about one import.
type taker struct {
	c      *command
	flags  taking
	token  string
	client *http.Client
	state  imports.ImportState
}

func (c *command) taker(flags taking) (*taker, error) {
	token, client, err := flags.reach(flags.TokenFile)
	return &taker{c: c, flags: flags, token: token, client: client}, err
}

// run brings a file, of which it is said what the rows are, tries it and has it
// taken over.
func (f *takenFile) run(c *command, kind string) error {
	t, err := c.taker(f.taking)
	if err != nil {
		return err
	}
	file, err := os.Open(f.File)
	if err != nil {
		return loot.Wrap(loot.Invalid, err, "The file "+f.File+" cannot be read. Check its name, and that this user may read it.")
	}
	defer file.Close()
	if err := t.bring(file, filepath.Base(f.File)); err != nil {
		return err
	}
	body := map[string]string{"kind": kind}
	for name, value := range map[string]string{"name": f.Mapping, "system": f.From, "dates": f.Dates, "service": f.Service} {
		if value != "" {
			body[name] = value
		}
	}
	if err := t.post("/mapping", body); err != nil {
		return err
	}
	if err := t.wait("trying"); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "Import %s: of %d rows %d would be taken over, %d are here already, %d are refused.\n", t.state.ID, t.state.Rows, t.state.New, t.state.Known, t.state.Refused)
	t.why()
	if f.DryRun {
		return nil
	}
	return t.take()
}

// Run goes on with an import, or with its dry run.
func (r *importResumeCmd) Run(c *command) error {
	t, err := c.taker(r.taking)
	if err != nil {
		return err
	}
	t.state.ID = r.ID
	if err := t.get(); err != nil {
		return err
	}
	if t.state.State != "running" {
		return t.take()
	}
	if err := t.post("/run", nil); err != nil && t.get() != nil { // it is refused while a process works on it
		return err
	}
	return t.follow()
}

// bring sends a file in parts.
func (t *taker) bring(r io.Reader, title string) error {
	if len(title) > 80 {
		title = title[:80]
	}
	if err := t.call(t.c.ctx, http.MethodPost, "", "application/json", encoded(map[string]string{"title": title})); err != nil {
		return err
	}
	buffer := make([]byte, 512<<10)
	for n := 0; ; n++ {
		size, err := io.ReadFull(r, buffer)
		if size > 0 {
			if err := t.call(t.c.ctx, http.MethodPut, "/"+t.state.ID+"/parts/"+strconv.Itoa(n), "application/octet-stream", buffer[:size]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return loot.Wrap(loot.Invalid, err, "The file cannot be read to its end.")
		}
	}
}

// take has the rows taken over.
func (t *taker) take() error {
	if err := t.post("/run", nil); err != nil {
		return err
	}
	return t.follow()
}

// follow shows how far it is until it has ended.
func (t *taker) follow() error {
	if err := t.wait("running"); err != nil {
		return err
	}
	if t.state.State == "stopped" {
		fmt.Fprintf(t.c.stdout, "It was stopped after %d of %d rows. Go on with: loot import resume %s\n", t.state.Read, t.state.Rows, t.state.ID)
		return exit(1)
	}
	fmt.Fprintf(t.c.stdout, "%d taken over, %d here already, %d refused.\n", t.state.New, t.state.Known, t.state.Refused)
	t.why()
	return nil
}

// why says how many rows have a remark, and where that and why others are refused is read.
func (t *taker) why() {
	if t.state.Remarks > 0 {
		fmt.Fprintf(t.c.stdout, "%s a remark.\n", loot.Plural(t.state.Remarks, "of the new ones has", "of the new ones have"))
	}
	if t.state.Remarks > 0 || t.state.Refused > 0 {
		fmt.Fprintf(t.c.stdout, "Why, and the rows themselves: %s/console/imports/%s\n", t.flags.Server, t.state.ID)
	}
}

// wait asks until the import has left a state, and shows how far it is.
func (t *taker) wait(state string) error {
	shown := t.c.now()
	for {
		if err := t.get(); err != nil {
			if t.c.ctx.Err() != nil {
				fmt.Fprintf(t.c.stderr, "Interrupted. The server goes on; stop it in the console, or see how far it is with: loot import resume %s\n", t.state.ID)
				return exit(130)
			}
			return err
		}
		switch {
		case t.state.State == "failed":
			return loot.Errorf(loot.Invalid, "It cannot go on. %s", t.state.Fault)
		case t.state.State != state:
			return nil
		}
		if now := t.c.now(); now.Sub(shown) >= 5*time.Second {
			shown = now
			fmt.Fprintf(t.c.stderr, "%d of %d rows\n", t.state.Read, t.state.Rows)
		}
		select {
		case <-t.c.ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (t *taker) get() error {
	return t.call(t.c.ctx, http.MethodGet, "/"+t.state.ID, "", nil)
}

func (t *taker) post(path string, body map[string]string) error {
	var b []byte
	if body != nil {
		b = encoded(body)
	}
	return t.call(t.c.ctx, http.MethodPost, "/"+t.state.ID+path, "application/json", b)
}

func encoded(body map[string]string) []byte {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // texts encode
	}
	return b
}

// call calls an operation, which all can be called again, and reads how far the
// import is.
func (t *taker) call(ctx context.Context, method, path, kind string, body []byte) error {
	wait := firstWait
	for tries := 1; ; tries++ {
		again, err := t.try(ctx, method, path, kind, body)
		if err == nil || !again || tries == mostTries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		wait = min(2*wait, mostWait)
	}
}

func (t *taker) try(ctx context.Context, method, path, kind string, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, method, t.flags.Server+"/api/imports"+path, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+t.token)
	if kind != "" && body != nil {
		r.Header.Set("Content-Type", kind)
	}
	w, err := t.client.Do(r)
	if err != nil {
		return true, loot.Wrap(loot.Unavailable, err, "The server cannot be reached under "+t.flags.Server+".")
	}
	defer w.Body.Close()
	b, err := io.ReadAll(io.LimitReader(w.Body, 1<<20))
	if err != nil {
		return true, loot.Wrap(loot.Unavailable, err, "The answer of the server broke off.")
	}
	if w.StatusCode < 300 {
		return false, json.Unmarshal(b, &t.state)
	}
	var problem struct{ Detail, Title string }
	_ = json.Unmarshal(b, &problem) // without it, the status is told
	if problem.Detail == "" {
		problem.Detail = fmt.Sprintf("The server answered with status %d: %s", w.StatusCode, problem.Title)
	}
	again = w.StatusCode == http.StatusTooManyRequests || w.StatusCode == http.StatusServiceUnavailable
	return again, loot.Errorf(loot.Invalid, "%s", problem.Detail)
}
