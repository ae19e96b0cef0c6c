package visits

import (
	"loot/tag"
	"loot/web"
)

func (d *Visits) routes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + d.options.Path + "/{file}", Audience: web.Public, Incognito: true, Serve: d.serveFile, Limit: collectLimit},
		{Pattern: "POST " + d.options.Path + "/{file}", Audience: web.Public, Incognito: true, CrossOrigin: true, Serve: d.beacon, Limit: collectLimit, Body: tag.MaxBeacon},
	}
}
