package app

import (
	"os"
	"strings"
	"time"

	"loot"
	"loot/desk/publication"
)

// Publishing is what the operator says in public by a file.
type Publishing struct {
	Canary string `help:"File with what the transparency report says as long as it is true, such as that no order of secrecy was received: its first line is the day on which it was renewed, as 2026-11-29. It is not shown when it is older than three months." type:"path" placeholder:"FILE" env:"LOOT_CANARY_FILE" name:"canary-file"`
}

// maxCanary is how long a canary may be, in bytes.
const maxCanary = 4000

// canary reads what the operator says beside the transparency report. The file is
// read again each time, so that it is renewed or taken away without a restart.
func (p Publishing) canary() (c publication.Canary, err error) {
	if p.Canary == "" {
		return c, nil
	}
	b, err := os.ReadFile(p.Canary)
	if os.IsNotExist(err) {
		return c, nil // it was taken away
	}
	if err != nil {
		return c, loot.Wrap(loot.Unavailable, err, "The file of --canary-file cannot be read.")
	}
	day, text, _ := strings.Cut(string(b), "\n")
	c.Text = strings.TrimSpace(text)
	if c.Renewed, err = time.Parse(time.DateOnly, strings.TrimSpace(day)); err != nil || c.Text == "" || len(b) > maxCanary {
		return publication.Canary{}, loot.Errorf(loot.Unavailable, "The file of --canary-file has a day such as 2026-11-29 on its first line, and below it what is said, of at most %d letters.", maxCanary)
	}
	return c, nil
}
