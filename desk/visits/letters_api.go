package visits

import (
	"context"
	"time"

	"loot"
	"loot/column"
	"loot/store"
	"loot/web"
)

// A toldFiring is what an alert saw, as programs read it.
type toldFiring struct {
	Day   column.Day `json:"day" doc:"At the site"`
	At    time.Time  `json:"at"`
	Saw   *int64     `json:"saw,omitempty" doc:"Left out: fewer than the crowd"`
	Usual *int64     `json:"usual,omitempty" doc:"Left out: fewer than the crowd"`
	Text  string     `json:"text" doc:"The same in words"`
}

func tellFiring(f firing) toldFiring {
	out := toldFiring{Day: f.Day, At: f.At, Text: f.Text}
	if f.Saw != fewer {
		out.Saw = &f.Saw
	}
	if f.Usual != fewer {
		out.Usual = &f.Usual
	}
	return out
}

// An alertBody is what an alert is, as programs write it.
type alertBody struct {
	Kind       string   `json:"kind" enum:"spike,drop,silence"`
	Measure    string   `json:"measure" enum:"visitors,visits,views"`
	Filters    []string `json:"filters,omitempty" maxItems:"8" doc:"Each as dimension:comparison:values, such as event:is:order"`
	Percent    int      `json:"percent,omitempty" minimum:"0" maximum:"10000" doc:"Of a spike or a drop"`
	Hours      int      `json:"hours,omitempty" minimum:"0" maximum:"24" doc:"Of a silence"`
	Least      int      `json:"least" minimum:"1" maximum:"1000000" doc:"That a spike has to reach, or that has to be usual"`
	Recipients []string `json:"recipients" minItems:"1" maxItems:"20" doc:"Ids of members of staff who may see reports"`
}

// A toldAlert is an alert as programs read it.
type toldAlert struct {
	ID string `json:"id"`
	alertBody
	Writer string       `json:"writer" doc:"Id of the member of staff"`
	Made   time.Time    `json:"made"`
	Fired  []toldFiring `json:"fired" doc:"The latest first"`
}

func tellAlert(a alert, fired []firing) toldAlert {
	out := toldAlert{ID: a.ID, alertBody: alertBody{a.Kind, a.Measure, filterTexts(a.Filters), a.Percent, a.Hours, a.Least, a.Recipients}, Writer: a.Writer, Made: a.Made, Fired: []toldFiring{}}
	for _, f := range fired {
		out.Fired = append(out.Fired, tellFiring(f))
	}
	return out
}

type alertsOut struct {
	Body struct {
		Alerts []toldAlert `json:"alerts"`
	}
}

func (d *Visits) apiAlerts(ctx context.Context, in *siteIn) (*alertsOut, error) {
	s, _, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &alertsOut{}
	return out, d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		out.Body.Alerts = []toldAlert{}
		all, err := listAlerts(ctx, tx, s.Number)
		if err != nil {
			return err
		}
		for _, a := range all {
			fired, err := listFirings(ctx, tx, a.ID, firingsShown)
			if err != nil {
				return err
			}
			out.Body.Alerts = append(out.Body.Alerts, tellAlert(a, fired))
		}
		return nil
	})
}

type addAlertIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body alertBody
}

type alertOut struct{ Body toldAlert }

func (d *Visits) apiAddAlert(ctx context.Context, in *addAlertIn) (*alertOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	b := in.Body
	a := alert{ID: loot.NewID("a"), Site: s.Number, Kind: b.Kind, Measure: b.Measure, Percent: b.Percent, Hours: b.Hours, Least: b.Least, Writer: who.ID, Made: d.Now()}
	if a.Filters, err = ParseFilters(b.Filters); err != nil {
		return nil, err
	}
	out := &alertOut{}
	return out, d.DB.InTx(ctx, func(tx *store.Tx) error {
		kept, err := d.addAlert(ctx, tx, a, b.Recipients, nil)
		out.Body = tellAlert(kept, nil)
		return err
	})
}

func (d *Visits) apiRemoveAlert(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.ended(ctx, in, removeAlert)
}

// A toldDigest is a digest as programs read it.
type toldDigest struct {
	ID      string     `json:"id"`
	Every   string     `json:"every" enum:"day,week,month"`
	Filters []string   `json:"filters"`
	Who     string     `json:"who" doc:"Id of the member of staff"`
	Made    time.Time  `json:"made"`
	Sent    *time.Time `json:"sent,omitempty" doc:"When the last one went"`
}

func tellDigest(s subscription) toldDigest {
	out := toldDigest{ID: s.ID, Every: s.Every, Filters: filterTexts(s.Filters), Who: s.Who, Made: s.Made}
	if !s.Sent.IsZero() {
		out.Sent = &s.Sent
	}
	return out
}

type digestsOut struct {
	Body struct {
		Digests []toldDigest `json:"digests"`
	}
}

func (d *Visits) apiDigests(ctx context.Context, in *siteIn) (*digestsOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &digestsOut{}
	return out, d.DB.Read(ctx, func(tx *store.Tx) error {
		out.Body.Digests = []toldDigest{}
		all, err := listDigests(ctx, tx, s.Number, seesDigestsOf(who))
		for _, one := range all {
			out.Body.Digests = append(out.Body.Digests, tellDigest(one))
		}
		return err
	})
}

type subscribeIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body struct {
		Every   string   `json:"every" enum:"day,week,month"`
		Filters []string `json:"filters,omitempty" maxItems:"8" doc:"Each as dimension:comparison:values, such as country:is:IE,DE"`
	}
}

type digestOut struct{ Body toldDigest }

func (d *Visits) apiSubscribe(ctx context.Context, in *subscribeIn) (*digestOut, error) {
	s, who, err := d.readerOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	one := subscription{ID: loot.NewID("d"), Site: s.Number, Every: in.Body.Every, Who: who.ID, Made: d.Now()}
	if one.Filters, err = ParseFilters(in.Body.Filters); err != nil {
		return nil, err
	}
	return &digestOut{tellDigest(one)}, d.DB.InTx(ctx, func(tx *store.Tx) error { return subscribe(ctx, tx, one) })
}

func (d *Visits) apiEndDigest(ctx context.Context, in *keptIn) (*noAnswer, error) {
	return d.ended(ctx, in, endDigest)
}

// A toldLink is a link as programs read it.
type toldLink struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Filters []string   `json:"filters"`
	Origins []string   `json:"origins"`
	Writer  string     `json:"writer" doc:"Id of the member of staff"`
	Made    time.Time  `json:"made"`
	Ends    time.Time  `json:"ends"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

func tellLink(l sharedLink) toldLink {
	out := toldLink{ID: l.ID, Name: l.Name, Filters: filterTexts(l.Filters), Origins: append([]string{}, l.Origins...), Writer: l.Writer, Made: l.Made, Ends: l.Ends}
	if !l.Revoked.IsZero() {
		out.Revoked = &l.Revoked
	}
	return out
}

type linksOut struct {
	Body struct {
		Links []toldLink `json:"links"`
	}
}

func (d *Visits) apiLinks(ctx context.Context, in *siteIn) (*linksOut, error) {
	s, _, err := d.keeperOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	out := &linksOut{}
	return out, d.DB.Read(ctx, func(tx *store.Tx) error {
		out.Body.Links = []toldLink{}
		all, err := listLinks(ctx, tx, s.Number)
		for _, l := range all {
			out.Body.Links = append(out.Body.Links, tellLink(l))
		}
		return err
	})
}

type addLinkIn struct {
	Site string `path:"site" maxLength:"32" doc:"The site's name in addresses"`
	Body struct {
		Name    string   `json:"name" minLength:"1" maxLength:"60" doc:"For whom it is"`
		Days    int      `json:"days,omitempty" minimum:"1" maximum:"365" default:"90" doc:"After which it ends"`
		Filters []string `json:"filters,omitempty" maxItems:"8" doc:"Each as dimension:comparison:values, such as country:is:IE,DE"`
		Origins []string `json:"origins,omitempty" maxItems:"20" doc:"Of pages that may show it in a frame, such as https://intranet.example.com"`
	}
}

type linkOut struct {
	Body struct {
		toldLink
		Address string `json:"address" doc:"Shown this one time"`
	}
}

func (d *Visits) apiAddLink(ctx context.Context, in *addLinkIn) (*linkOut, error) {
	s, who, err := d.keeperOf(ctx, in.Site)
	if err != nil {
		return nil, err
	}
	l := sharedLink{ID: loot.NewID("l"), Site: s.Number, Name: in.Body.Name, Writer: who.ID, Made: d.Now(), Ends: d.Now().AddDate(0, 0, in.Body.Days)}
	if l.Filters, err = ParseFilters(in.Body.Filters); err != nil {
		return nil, err
	}
	var wrong string
	if l.Origins, wrong = readOrigins(in.Body.Origins); wrong != "" {
		return nil, web.Invalid("", map[string]string{"origins": wrong})
	}
	out := &linkOut{}
	out.Body.toldLink = tellLink(l)
	return out, d.DB.InTx(ctx, func(tx *store.Tx) error {
		token, err := addLink(ctx, tx, d.Gate, l, who)
		out.Body.Address = d.newLink(l, s, token).Address
		return err
	})
}

func (d *Visits) apiRevokeLink(ctx context.Context, in *keptIn) (*noAnswer, error) {
	if _, _, err := d.keeperOf(ctx, in.Site); err != nil {
		return nil, err
	}
	return d.ended(ctx, in, d.revoke)
}
