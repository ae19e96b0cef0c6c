package desk

import (
	"loot/vault"
	"loot/web"
)

// StateBadge says in a word or two how far a value was verified; unverified is the
// word for one that nobody looked at yet.
func StateBadge(state, unverified string) web.Badge {
	switch state {
	case vault.Checked:
		return web.Badge{Tone: web.Info, Text: "checked", Icon: "check"}
	case vault.Verified:
		return web.Badge{Tone: web.Good, Text: "verified", Icon: "badge-check"}
	case vault.Disputed:
		return web.Badge{Tone: web.Warn, Text: "disputed", Icon: "triangle-alert"}
	case vault.Expired:
		return web.Badge{Tone: web.Warn, Text: "check again", Icon: "clock-alert"}
	}
	return web.Badge{Text: unverified}
}
