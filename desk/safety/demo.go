package safety

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
)

// A told case is one of the demonstration.
type toldCase struct {
	w       *desk.World
	subject loot.Subject
	id      string
}

// demo has a phishing report go to judgment and appeal, and others wait at each step.
func (d *Safety) demo(ctx context.Context, w *desk.World) error {
	staff, err := w.Staff(ctx)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	by := func(p loot.Purpose, but string) (loot.Actor, bool) {
		i := slices.IndexFunc(staff, func(a loot.Actor) bool { return a.ID != but && deals(s, p, a) })
		if i < 0 {
			return loot.Actor{}, false
		}
		return staff[i], true
	}
	abuse, ok := by(forSafety, "")
	counsel, two := by(forDispute, abuse.ID)
	if !ok || !two {
		return nil // by this statement nobody deals with cases
	}
	day := func(days int, clock time.Duration) time.Time {
		return w.History.End.UTC().Truncate(24*time.Hour).AddDate(0, 0, -days).Add(clock)
	}
	at := func(t time.Time, c *toldCase, who loot.Actor, step string, pairs ...string) {
		w.History.On(t, func(ctx context.Context) error { return c.step(ctx, who, step, pairs...) })
	}
	phishing := &toldCase{w: w}
	w.History.On(day(26, 9*hour+14*time.Minute), func(ctx context.Context) error {
		return d.told(ctx, phishing, 1, Report{
			Way: ByForm, Kind: Phishing, Reporter: "fraud-team@bank.example", Text: "A page on this address imitates our sign-in and asks for the number and the code. We saw it in a mail to our customers.",
			Evidence: []Evidence{{Name: "mail.eml", Type: "message/rfc822", Content: []byte("From: Bank <service@bank-login.example>\r\nSubject: Your account\r\n\r\nPlease confirm your account.\r\n")}},
		})
	})
	at(day(26, 9*hour+40*time.Minute), phishing, abuse, "take")
	at(day(26, 9*hour+41*time.Minute), phishing, abuse, "reports")
	at(day(26, 9*hour+52*time.Minute), phishing, abuse, "measure", "measure", suspended, "text", "A page on your server collects the passwords of a bank's customers. It cannot wait until you have looked.")
	at(day(26, 9*hour+55*time.Minute), phishing, abuse, "notify", "hours", "24", "text", "A page under /wp-content imitates a bank. Please remove it, tell us how it came there, and change the passwords of your site.")
	at(day(26, 15*hour+20*time.Minute), phishing, loot.Actor{}, "answer", "text", "We did not put it there: an old plugin let somebody in. Page and plugin are gone, all passwords are new.")
	at(day(25, 10*hour+5*time.Minute), phishing, abuse, "judge", "outcome", violation, "measure", suspended, "ground", "terms", "rule", "Terms of service, section 4: no imitation of others",
		"facts", "A page on the service imitated the sign-in of a bank and collected what was entered.", "reasons", "It harmed third parties. The plugin had been open for months although we had written twice.")
	at(day(24, 18*hour), phishing, loot.Actor{}, "appeal", "text", "Both of your letters went to an address that we had changed before. As soon as we knew we needed an hour.")
	at(day(20, 11*hour+30*time.Minute), phishing, counsel, "take")
	at(day(20, 11*hour+48*time.Minute), phishing, counsel, "review", "outcome", reversed, "facts", "The change of address is dated before both letters. The page was removed within the hour.",
		"reasons", "The customer was a victim too and acted at once. To keep the service suspended is more than is needed.")

	spam := &toldCase{w: w}
	for i, words := range []string{"Mail to addresses that nobody ever gave anywhere. Headers below.", "A wave of advertising for watches since this morning."} {
		w.History.On(day(9, time.Duration(8+3*i)*hour), func(ctx context.Context) error {
			return d.told(ctx, spam, 4, Report{Way: ByMail, Kind: Spam, Reporter: fmt.Sprintf("postmaster@isp%d.example", i+1), Proven: true, Text: words})
		})
	}
	at(day(9, 14*hour), spam, abuse, "notify", "hours", "48", "text", "Mail that nobody asked for comes from your server. Please stop it and say how it came about.")

	attack := &toldCase{w: w}
	w.History.On(day(4, 2*hour), func(ctx context.Context) error {
		return d.told(ctx, attack, 6, Report{Way: ByFeed, Kind: Attack, Key: "sensor-4711", Text: "Sensor: 5,200 tries to sign in by SSH within an hour."})
	})
	at(day(4, 8*hour+30*time.Minute), attack, abuse, "judge", "outcome", violation, "measure", limited, "ground", "terms", "rule", "Terms of service, section 5: no attacks on others", "automated", "on",
		"facts", "The service tried passwords on other machines.", "reasons", "Outgoing connections to port 22 stay closed until the customer says that it is clean; the rest is not touched.")

	work := &toldCase{w: w}
	w.History.On(day(0, 0).Add(-10*hour), func(ctx context.Context) error {
		return d.told(ctx, work, 8, Report{Way: ByForm, Kind: Copyright, Reporter: "rights@publisher.example", Text: "Our book “Sample Quays” is offered for download. We hold the rights.", URLs: []string{"https://books.example.org/sample-quays"}})
	})
	w.History.On(day(1, 13*hour), func(ctx context.Context) error {
		_, err := d.take(ctx, Report{Way: ByForm, Kind: Fraud, URLs: []string{"https://bargains.example.org/"}, Text: "A shop that takes money and sends nothing."})
		return err
	})
	w.History.On(day(2, 16*hour), func(ctx context.Context) error {
		if attack.subject == "" {
			return nil
		}
		_, err := send(ctx, w, loot.Actor{Kind: loot.Person, ID: string(attack.subject)}, "/portal/cases", url.Values{
			"kind": {"service"}, "text": {"Port 22 is still closed although the server was set up anew yesterday."},
		})
		return err
	})
	return nil
}

// told has something reported about the n-th address that somebody has, or one after it.
func (d *Safety) told(ctx context.Context, c *toldCase, n byte, r Report) error {
	for ; n < 60; n++ {
		a := netip.AddrFrom4([4]byte{192, 0, 2, n})
		h, _, err := d.lookUp(ctx, a, d.Now())
		if err != nil {
			return err
		}
		if h.Subject == "" || c.subject != "" && c.subject != h.Subject {
			continue
		}
		r.Addresses = []Seen{{Address: a, At: d.Now().Add(-20 * time.Minute)}}
		t, err := d.take(ctx, r)
		if err == nil {
			c.subject, c.id = h.Subject, t.Cases[0]
		}
		return err
	}
	return nil // nobody has an address in this history
}

// step takes a step in a case; nobody's is the customer's.
func (c *toldCase) step(ctx context.Context, who loot.Actor, step string, pairs ...string) error {
	if c.id == "" {
		return nil
	}
	if err := c.w.Drain(ctx); err != nil { // the letters before it are out
		return err
	}
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	path := "/console/abuse/" + c.id + "/" + step
	if who.ID == "" {
		who, path = loot.Actor{Kind: loot.Person, ID: string(c.subject)}, "/portal/cases/"+c.id
	}
	status, err := send(ctx, c.w, who, path, form)
	if err == nil && step != "reports" && status != http.StatusSeeOther {
		err = fmt.Errorf("safety: the step %s of the demonstration was answered with %d", step, status)
	}
	return err
}

func send(ctx context.Context, w *desk.World, who loot.Actor, path string, form url.Values) (int, error) {
	a, err := desk.Browser{World: w, Who: who}.Post(ctx, path, form)
	if err != nil {
		return 0, err
	}
	return a.Status, nil
}
