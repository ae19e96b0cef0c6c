package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// checkpoint returns the checkpoint that the server shows to everybody, and the
// size of the log in it.
func (o *operator) checkpoint() (text string, size int) {
	_, b := o.ask(http.MethodGet, "/log/checkpoint", nil)
	lines := strings.Split(string(b), "\n")
	if len(lines) < 3 {
		return "", 0
	}
	size, err := strconv.Atoi(lines[1])
	if err != nil {
		o.t.Errorf("no checkpoint: %s", b)
	}
	return string(b), size
}

// TestAWitnessInAProcessOfItsOwn: it co-signs what the server recorded, and
// shows that database and log were set back together, which neither of them
// can show by itself.
func TestAWitnessInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	o := newOperator(t, t.TempDir(), nil, "2")
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	watch := []string{"witness", "--data", filepath.Join(t.TempDir(), "witness"), "--name", "witness.example.net", "--log", o.vars["KEY"], "--listen", address}
	witness := o.start("loot", watch...)
	pattern := regexp.MustCompile(`witness\.example\.net\+\S+`)
	within(t, "the witness says its key", func() bool { return pattern.MatchString(witness.out.String()) })
	key := pattern.FindString(witness.out.String())
	at := key + "=http://" + address

	// opened has a record opened and waits until the witness has co-signed a log
	// that holds the entry.
	opened := func() (entry string, size int) {
		_, before := o.checkpoint()
		entry = o.open("ID0")
		within(t, "the checkpoint is cosigned", func() bool {
			var text string
			text, size = o.checkpoint()
			return size > before && strings.Contains(text, "\n— witness.example.net ")
		})
		return entry, size
	}
	served := o.serve("--witness", at)
	entry, _ := opened()
	name, _, _ := strings.Cut(o.vars["KEY"], "+")
	o.wants(0, []string{"ledger", "proof", entry}, "\n— "+name+" ") // also where no witness is named
	proof, code := o.run("loot", "ledger", "proof", "--witness", at, entry)
	file := filepath.Join(o.dir, "proof")
	if err := os.WriteFile(file, []byte(proof), 0o600); err != nil || code != 0 {
		t.Fatal(err, proof)
	}
	o.wants(0, []string{"verify", "--key", o.vars["KEY"], "--witness", key, file}, "The receipt holds.")
	o.wants(0, []string{"ledger", "verify", "--against", at}, "Nothing was deleted, changed, reordered or cut off.", "Compared with the witness witness.example.net.")
	old := filepath.Join(o.dir, "old")
	o.wants(0, []string{"backup", "data", old})

	// The witness may be away for a while: the log goes on without it.
	witness.stop()
	o.open("ID1")
	witness = o.start("loot", watch...)
	_, seen := opened()
	served.stop()

	// Database and log are set back together: by itself, the log is sound.
	data := filepath.Join(o.dir, "data")
	if err := os.Rename(data, data+".newer"); err != nil {
		t.Fatal(err)
	}
	o.wants(0, []string{"restore", "data", old})
	o.wants(0, []string{"ledger", "verify"}, "Nothing was deleted, changed, reordered or cut off.", "so a rewind of log and records together would not show")
	o.wants(1, []string{"ledger", "verify", "--against", at}, "rewind: the witness witness.example.net: ")
	o.wants(1, []string{"ledger", "verify", "--witness", at}, "rewind: the witness witness.example.net: ")

	// The server says so too at its next entry; once its log is longer than the
	// witness saw it, it is another one.
	served = o.serve("--witness", at)
	within(t, "the log is longer than before", func() bool {
		o.open("ID1")
		_, size := o.checkpoint()
		return size > seen
	})
	within(t, "the server says that the witness contradicts it", func() bool {
		return strings.Contains(served.out.String(), "a witness contradicts the log")
	})
	served.stop()
	o.wants(1, []string{"ledger", "verify", "--against", at}, "second history: the witness witness.example.net: ")

	// One that cannot be asked proves nothing, which is an error if it was asked for.
	witness.stop()
	o.wants(0, []string{"ledger", "verify", "--witness", at}, "The witness cannot be asked at the moment", "Compared with no checkpoint and no witness, so a rewind")
	o.wants(1, []string{"ledger", "verify", "--against", at}, "The witness cannot be asked at the moment")
}

// TestAWitnessThatCannotBeginMakesNothing: a key left behind would be another
// one's than the settings mean, and nobody watches with it.
func TestAWitnessThatCannotBeginMakesNothing(t *testing.T) {
	const key = "example.org/ledger+c3bd0b2f+ARifqyDV8KF9583fS3/ML22kWymXRncm4sV744rUIV64"
	for name, args := range map[string][]string{
		"a log that is none":         {"--name", "w", "--log", "bad"},
		"the second log":             {"--name", "w", "--log", key, "--log", "bad"},
		"a name with a space":        {"--name", "a b", "--log", key},
		"an address that is none":    {"--name", "w", "--log", key, "--listen", "nonsense"},
		"an address of another host": {"--name", "w", "--log", key, "--listen", "192.0.2.1:80"},
	} {
		data := filepath.Join(t.TempDir(), "witness")
		code, stdout, stderr := lootRuns(t, append([]string{"witness", "--data", data}, args...)...)
		if code != 1 || stdout != "" || !strings.HasPrefix(stderr, "loot: ") {
			t.Errorf("%s: exit %d, prints %q, says %q", name, code, stdout, stderr)
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("%s: something was made: %v", name, err)
		}
	}
}
