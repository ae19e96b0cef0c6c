package visits

import (
	"loot/column"
)

// The open tables, and what a day's rows become when it is sealed.
const (
	tableView  = "visits_view"
	tableStay  = "visits_stay"
	tableEvent = "visits_event"
)

// A view is a page that was looked at, as it is stored until its day is sealed.
type view struct {
	second   uint32 // of the site's day
	site     uint16
	who      visitor
	visit    uint64
	nth      uint16 // of its visit, from 1
	page     uint64
	host     string
	path     string
	before   string // path of the visit's page before
	entry    string // path of the visit's first page
	channel  string
	source   string
	medium   string
	campaign string
	term     string
	content  string
	clicked  bool // an advertisement's link led here
	country  string
	network  uint32
	provider string
	kind     string // of the network
	prefix   string // what is left of the address
	language string
	browser  string
	major    uint16
	system   string
	release  string
	device   string
	width    uint8
	class    string // human, declared, suspected
	bot      string
}

// A column of a table, and how a row has it.
type columnOf[T any] struct {
	name  string
	kind  column.Type
	value func(*T) any
}

var viewColumns = []columnOf[view]{
	{"second", column.Uint32, func(v *view) any { return v.second }},
	{"site", column.Uint16, func(v *view) any { return v.site }},
	{"visitor", column.Uint64, func(v *view) any { return uint64(v.who) }},
	{"visit", column.Uint64, func(v *view) any { return v.visit }},
	{"nth", column.Uint16, func(v *view) any { return v.nth }},
	{"page", column.Uint64, func(v *view) any { return v.page }},
	{"host", column.Text, func(v *view) any { return v.host }},
	{"path", column.Text, func(v *view) any { return v.path }},
	{"before", column.Text, func(v *view) any { return v.before }},
	{"entry", column.Text, func(v *view) any { return v.entry }},
	{"channel", column.Text, func(v *view) any { return v.channel }},
	{"source", column.Text, func(v *view) any { return v.source }},
	{"medium", column.Text, func(v *view) any { return v.medium }},
	{"campaign", column.Text, func(v *view) any { return v.campaign }},
	{"term", column.Text, func(v *view) any { return v.term }},
	{"content", column.Text, func(v *view) any { return v.content }},
	{"clicked", column.Bool, func(v *view) any { return v.clicked }},
	{"country", column.Text, func(v *view) any { return v.country }},
	{"network", column.Uint32, func(v *view) any { return v.network }},
	{"provider", column.Text, func(v *view) any { return v.provider }},
	{"kind", column.Text, func(v *view) any { return v.kind }},
	{"prefix", column.Text, func(v *view) any { return v.prefix }},
	{"language", column.Text, func(v *view) any { return v.language }},
	{"browser", column.Text, func(v *view) any { return v.browser }},
	{"major", column.Uint16, func(v *view) any { return v.major }},
	{"system", column.Text, func(v *view) any { return v.system }},
	{"release", column.Text, func(v *view) any { return v.release }},
	{"device", column.Text, func(v *view) any { return v.device }},
	{"width", column.Uint8, func(v *view) any { return v.width }},
	{"class", column.Text, func(v *view) any { return v.class }},
	{"bot", column.Text, func(v *view) any { return v.bot }},
}
