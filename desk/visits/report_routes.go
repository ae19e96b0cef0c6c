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
		{Pattern: "GET " + goalsHref, Audience: web.Console, Serve: d.showGoals},
		{Pattern: "POST " + goalsHref, Audience: web.Console, Roles: keepers, Serve: d.addGoal},
		{Pattern: "GET " + goalsHref + "/{goal}", Audience: web.Console, Roles: keepers, Serve: d.editGoal},
		{Pattern: "POST " + goalsHref + "/{goal}", Audience: web.Console, Roles: keepers, Serve: d.changeGoal},
		{Pattern: "POST " + goalsHref + "/{goal}/remove", Audience: web.Console, Roles: keepers, Serve: d.removeGoalPage},
		{Pattern: "GET " + funnelsHref, Audience: web.Console, Serve: d.showFunnels},
		{Pattern: "POST " + funnelsHref, Audience: web.Console, Roles: keepers, Serve: d.addFunnel},
		{Pattern: "GET " + journeysHref, Audience: web.Console, Serve: d.showJourney},
		{Pattern: "GET " + hoursHref, Audience: web.Console, Serve: d.showHours},
	}
}
