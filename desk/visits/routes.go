package visits

import (
	"loot"
	"loot/tag"
	"loot/web"
)

// keepers of the sites are those who may say which are recorded.
var keepers = []loot.Role{"administrator", "dpo"}

func (d *Visits) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + d.options.Path + "/{file}", Audience: web.Public, Incognito: true, Serve: d.serveFile, Limit: collectLimit, Refused: d.refused},
		{Pattern: "POST " + d.options.Path + "/{file}", Audience: web.Public, Incognito: true, CrossOrigin: true, Serve: d.beacon, Limit: collectLimit, Body: tag.MaxBeacon, Refused: d.refused},
		{Pattern: "GET /visits/mine", Audience: web.Public, Incognito: true, Serve: d.mine},
		{Pattern: "GET /console/visits/sites", Audience: web.Console, Serve: d.listSites},
		{Pattern: "POST /console/visits/sites", Audience: web.Console, Roles: keepers, Serve: d.addSite},
		{Pattern: "GET /console/visits/sites/{number}", Audience: web.Console, Serve: d.site},
		{Pattern: "POST /console/visits/sites/{number}", Audience: web.Console, Roles: keepers, Serve: d.changeSite},
		{Pattern: "POST /console/visits/sites/{number}/end", Audience: web.Console, Roles: keepers, Serve: d.endSite},
		{Pattern: "GET /console/visits/sites/{number}/imports", Audience: web.Console, Roles: keepers, Serve: d.listImportsPage},
		{Pattern: "POST /console/visits/sites/{number}/imports", Audience: web.Console, Roles: keepers, Serve: d.uploadImport, Body: mostUpload + 64<<10},
		{Pattern: "POST /console/visits/sites/{number}/imports/{id}/end", Audience: web.Console, Roles: keepers, Serve: d.endImportPage},
	}
}

func nav() []web.Nav {
	return []web.Nav{
		{Audience: web.Console, Group: "Sites", Order: 60, Label: "Visits", Icon: "chart-line", Href: reportHref},
		{Audience: web.Console, Group: "Sites", Order: 60, Label: "Sites", Icon: "globe", Href: "/console/visits/sites"},
		{Audience: web.Public, Group: web.Footer, Order: 60, Label: "What this visit leaves behind", Href: "/visits/mine"},
	}
}
