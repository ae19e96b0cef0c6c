package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"loot/desk/imports"
)

// TestAnImportSurvivesAKill: the server is killed in the middle of taking customers
// over, and all of them are there once when it was gone on with.
func TestAnImportSurvivesAKill(t *testing.T) {
	const n = 3000
	o := newOperator(t, t.TempDir(), nil, "0")
	var file strings.Builder
	file.WriteString("id,company,email,street,city,country,service,domain\n")
	for i := range n {
		fmt.Fprintf(&file, "%d,Meadow %d Ltd,m%d@meadow.example,1 Sample Quay,Dublin,IE,backup,%s\n", i, i, i, map[int]string{1: "192.0.2.1"}[i])
	}
	file.WriteString("9999,=1+1,nobody,1 Sample Quay,Dublin,IE,backup,\n")
	path, token := filepath.Join(o.dir, "customers.csv"), filepath.Join(o.dir, "token")
	for name, text := range map[string]string{path: file.String(), token: o.vars["TOKEN"]} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reaching := []string{"--server", "http://" + o.vars["ADDR"], "--token-file", token}
	p := o.serve()
	out, code := o.run("loot", append([]string{"import", "customers", path, "--dry-run", "--from", "the old panel"}, reaching...)...)
	if code != 0 || !strings.Contains(out, "of 3001 rows 3000 would be taken over, 0 are here already, 1 are refused.\n1 of the new ones has a remark.\nWhy, and the rows themselves: ") {
		t.Fatalf("the dry run: %d %s", code, out)
	}
	id := strings.TrimSuffix(strings.Fields(out)[1], ":")
	state := func() (s imports.ImportState) {
		status, answer := o.ask(http.MethodGet, "/api/imports/"+id, nil)
		if err := json.Unmarshal(answer, &s); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
		return s
	}
	if status, answer := o.ask(http.MethodPost, "/api/imports/"+id+"/run", nil); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	within(t, "some are taken over", func() bool { return state().New > 0 })
	p.end(syscall.SIGKILL)
	p = o.serve()
	if before := state(); before.State != "running" || before.New == n || before.Remarks != 0 {
		t.Fatalf("nothing was left when it was killed, or remarks are counted while rows are read: %+v", before)
	}
	if out, code = o.run("loot", append([]string{"import", "resume", id}, reaching...)...); code != 0 || !strings.Contains(out, "3000 taken over, 0 here already, 1 refused.\n1 of the new ones has a remark.\n") {
		t.Fatalf("resume: %d %s", code, out)
	}
	for _, address := range []string{"m0@meadow.example", "m1500@meadow.example", "m2999@meadow.example"} {
		if found := o.found(address); found != 1 {
			t.Errorf("%d have the address %s", found, address)
		}
	}
	p.stop()
}
