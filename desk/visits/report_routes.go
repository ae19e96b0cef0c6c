package visits

import (
	"loot/web"
)

// reportRoutes are the pages of reports. Who may see them is the statement's to
// say.
func (d *Visits) reportRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + reportHref, Audience: web.Console, Serve: d.report},
		{Pattern: "GET " + liveHref, Audience: web.Console, Serve: d.liveNow},
		{Pattern: "GET " + panelsHref + "/{dimension}", Audience: web.Console, Serve: d.panel},
	}
}
