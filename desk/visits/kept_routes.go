package visits

import (
	"loot/web"
)

// keptRoutes are the pages of what people keep about reports. Who may see reports
// is the statement's to say; links for others are made by keepers of the sites.
func (d *Visits) keptRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET " + notesHref, Audience: web.Console, Serve: d.listNotes},
		{Pattern: "POST " + notesHref, Audience: web.Console, Serve: d.addNote},
		{Pattern: "POST " + notesHref + "/{id}/remove", Audience: web.Console, Serve: d.endsAt(removeAnnotation, "", func(p keptPage) string { return p.href() + "#notes" })},
		{Pattern: "GET " + segmentsHref, Audience: web.Console, Serve: d.listSegmentsPage},
		{Pattern: "POST " + segmentsHref, Audience: web.Console, Serve: d.keepSegment},
		{Pattern: "POST " + segmentsHref + "/{id}", Audience: web.Console, Serve: d.nameSegment},
		{Pattern: "POST " + segmentsHref + "/{id}/delete", Audience: web.Console, Serve: d.endsAt(deleteSegment, "", listedAt(segmentsHref))},
		{Pattern: "GET " + alertsHref, Audience: web.Console, Serve: d.listAlertsPage},
		{Pattern: "POST " + alertsHref, Audience: web.Console, Serve: d.addAlertPage},
		{Pattern: "POST " + alertsHref + "/{id}/remove", Audience: web.Console, Serve: d.endsAt(removeAlert, "", listedAt(alertsHref))},
		{Pattern: "GET " + digestsHref, Audience: web.Console, Serve: d.listDigestsPage},
		{Pattern: "POST " + digestsHref, Audience: web.Console, Serve: d.subscribePage},
		{Pattern: "POST " + digestsHref + "/{id}/end", Audience: web.Console, Serve: d.endsAt(endDigest, "", listedAt(digestsHref))},
		{Pattern: "GET /visits/digest/{id}/{mac}", Audience: web.Public, Serve: d.leave, Limit: web.PerMinute(30)},
		// Mail programs send it from wherever they are, and the address is the proof.
		{Pattern: "POST /visits/digest/{id}/{mac}", Audience: web.Public, CrossOrigin: true, Serve: d.left, Limit: web.PerMinute(30)},
		{Pattern: "GET " + linksHref, Audience: web.Console, Roles: keepers, Serve: d.listLinksPage},
		{Pattern: "POST " + linksHref, Audience: web.Console, Roles: keepers, Fresh: true, Serve: d.addLinkPage},
		{Pattern: "POST " + linksHref + "/{id}/revoke", Audience: web.Console, Roles: keepers, Serve: d.endsAt(d.revoke, "The link leads nowhere from now on.", listedAt(linksHref))},
		{Pattern: "GET " + sharedHref + "{token}", Audience: web.Public, Incognito: true, Serve: d.shared, Limit: sharedLimit},
	}
}

// listedAt leads back to a page about the same site and filters.
func listedAt(path string) func(keptPage) string {
	return func(p keptPage) string { return p.hrefOf(path) }
}
