package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"loot"
	"loot/app"
	"loot/ledger"
)

type witnessCmd struct {
	Data   string   `help:"Folder of the witness: its key, and the last checkpoint of each log." default:"witness" type:"path" env:"LOOT_WITNESS_DATA"`
	Name   string   `help:"Name of the witness, such as witness.example.net." required:"" env:"LOOT_WITNESS_NAME"`
	Logs   []string `help:"Key of a ledger that is watched." placeholder:"VKEY" required:"" name:"log" env:"LOOT_WITNESS_LOGS"`
	Listen string   `help:"Address for ledgers." default:"127.0.0.1:8090" env:"LOOT_WITNESS_LISTEN"`
}

func (w *witnessCmd) Run(c *command) (err error) {
	if len(w.Logs) == 0 {
		return loot.Errorf(loot.Invalid, "--log is empty: name the key of each ledger to watch, which loot ledger verify --json prints as its signer.")
	}
	ln, err := listen(c.ctx, "--listen", w.Listen)
	if err != nil {
		return err
	}
	defer ln.Close()
	witness, err := ledger.OpenWitness(ledger.WitnessConfig{Dir: w.Data, Name: w.Name, Logs: w.Logs, Now: c.now, Log: c.log(app.Config{LogLevel: "info"})})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, witness.Close()) }()
	fmt.Fprintf(c.stdout, "The witness answers on http://%s\nIts key, for loot serve --witness and loot verify --witness:\n\n  %s\n\n", ln.Addr(), witness.Key())
	srv := &http.Server{Handler: witness.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	ended := make(chan error, 1)
	go func() {
		<-c.ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Second)
		defer cancel()
		ended <- srv.Shutdown(end)
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}
