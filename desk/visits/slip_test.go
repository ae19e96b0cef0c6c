package visits

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"loot"
	"loot/desk/desktest"
)

// TestASlipInTheAddressFormsComesBack: days and filters that are wrong come back
// in their form, with what is wrong beside them, on the page that they are of.
func TestASlipInTheAddressFormsComesBack(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	for _, path := range []string{reportHref, goalsHref, funnelsHref, journeysHref, hoursHref} {
		desktest.Shows(t, h.Get(path+"?site=1&from=2026-11-22&to=2026-11-01&filter=country:is:DE"), http.StatusUnprocessableEntity,
			"Last day : The last day of the report is before its first.", "Country is Germany Remove the filter", "7 days")
		desktest.Shows(t, h.Get(path+"?site=1&from=2026-11-31&to=2026-11-01"), http.StatusUnprocessableEntity, "First day : This is not a date.")
		wrong := h.Get(path + "?site=1&period=yesterday&by=path&how=contains&what=" + strings.Repeat("ab", 300))
		desktest.Shows(t, wrong, http.StatusUnprocessableEntity, "Value : This is longer than fits here.")
		if !strings.Contains(wrong.Body, `value="`+strings.Repeat("ab", 300)+`"`) || !strings.Contains(wrong.Body, `<option value="contains" selected>`) {
			t.Errorf("%s: what was typed is gone", path)
		}
	}
	desktest.Shows(t, h.Get(yesterday+"&by=country&how=is&what="), http.StatusUnprocessableEntity, "Value : Please fill this in.", "Views 19 ")
	desktest.Shows(t, h.Get(yesterday+"&by=class&how=is&what=declared"), http.StatusUnprocessableEntity, "Only visits whose : Please choose one of those offered.")
	full := strings.Repeat("&filter=country:is:DE", mostFilters)
	desktest.Shows(t, h.Get(yesterday+full+"&by=country&how=is&what=IE"), http.StatusUnprocessableEntity, "Value : A report takes at most "+strconv.Itoa(mostFilters)+" filters at once.")
	for query, want := range map[string]string{"from=1960-01-01&to=2026-11-22": "from 1970-01-01", "from=2000-01-01&to=2026-11-22": "days at most"} {
		desktest.Shows(t, h.Get(reportHref+"?site=1&"+query), http.StatusUnprocessableEntity, "First day : A report is ", want)
	}
	if got := h.Get(reportHref + "?site=1&from=2026-11-22&to=2026-11-01&format=csv"); got.Status != http.StatusUnprocessableEntity || strings.Contains(got.Body, "Other days") {
		t.Errorf("a file of days that are wrong: %d", got.Status)
	}
}

// TestAValueIsTypedByItsName: also the want of one, and a part of a name.
func TestAValueIsTypedByItsName(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	for typed, want := range map[string]string{
		"by=country&how=is&what=unknown": "country%3Ais%3A", "by=source&how=not&what=Direct": "source%3Anot%3A", "by=campaign&how=is&what=none": "campaign%3Ais%3A",
		"by=width&how=is&what=unknown": "width%3Ais%3A0", "by=event&how=is&what=unknown": "event%3Ais%3Aunknown",
	} {
		desktest.Leads(t, h.Get(yesterday+"&"+typed), reportHref+"?filter="+want+"&period=yesterday&site=1")
	}
	desktest.Shows(t, h.Get(yesterday+"&filter=country:contains:rmany"), http.StatusOK, "Country contains rmany", "Germany 5 5", "Views 5 ")
}

// TestFormsSayWhatIsWrong that their fields alone do not show, beside the field
// where there is one, and keep nothing.
func TestFormsSayWhatIsWrong(t *testing.T) {
	h := reported(t, desktest.Standard(t))
	h.Site.Actor = admin
	const goals = goalsHref + "?site=1"
	desktest.Shows(t, h.Post(goals, "name", strings.Repeat("x", 81), "by1", "path", "how1", "is", "what1", "/a"), http.StatusUnprocessableEntity, "Name : This is longer than fits here.")
	desktest.Shows(t, h.Post(goals, "name", "a\x01b", "by1", "path", "how1", "is", "what1", "/a\x02"), http.StatusUnprocessableEntity, "Name : This holds characters that are not text.", "Value : This holds characters")
	desktest.Shows(t, h.Post(goals, "name", "x", "by1", "country", "how1", "is", "what1", "IE"), http.StatusUnprocessableEntity, "What : Please choose one of those offered.")
	for range mostGoals {
		desktest.Leads(t, h.Post(goals, "name", "x", "by1", "path", "how1", "is", "what1", "/a"), goals)
	}
	full := h.Post(goals, "name", "One more", "by1", "path", "how1", "is", "what1", "/a")
	desktest.Shows(t, full, http.StatusConflict, "A site has 20 goals and 20 funnels at most. Remove one first.")
	if !strings.Contains(full.Body, `value="One more"`) {
		t.Error("what was typed is gone")
	}
	if !strings.Contains(full.Body, `role="alert" tabindex="-1" autofocus`) {
		t.Error("what is wrong has to be looked for")
	}

	taken := h.Post(sitesHref, "name", "Another", "hosts", "example.org", "zone", "UTC", "script", "m")
	desktest.Shows(t, taken, http.StatusUnprocessableEntity, "Name in addresses : Another site has this name in its addresses.")
	desktest.Shows(t, h.Post(sitesHref, "name", "", "hosts", "a b/c", "zone", "Mars", "script", "/"), http.StatusUnprocessableEntity,
		"Name : Please fill this in.", "Hosts : One of these is not a host.", "Time zone : This is not a time zone.", "Name in addresses : A name is made of")
	desktest.Shows(t, h.Post(linksHref+"?site=1", "name", "", "days", "0", "origins", "x"), http.StatusUnprocessableEntity,
		"For whom : Please fill this in.", "Ends after : A link lives between", "May be shown in a frame on : One of these is not")

	desktest.Leads(t, h.Post(segmentsHref+"?site=1&filter=country:is:IE", "name", "The Irish"), reportHref+"?filter=country%3Ais%3AIE&site=1")
	desktest.Shows(t, h.Post(segmentsHref+"?site=1&filter=country:is:IE", "name", "The Irish"), http.StatusUnprocessableEntity, "There is a segment of this name already.")
	desktest.Shows(t, h.Post(segmentsHref+"?site=1", "name", "All"), http.StatusUnprocessableEntity, "A segment has at least one filter.")
}

// TestSettingsOfSitesAreShownToWhoMayNotChangeThem, without forms that would be
// refused.
func TestSettingsOfSitesAreShownToWhoMayNotChangeThem(t *testing.T) {
	h := newHouse(t, desktest.Standard(t))
	h.site("Europe/Dublin")
	for who, may := range map[*loot.Actor]bool{&admin: true, &support: false} {
		h.Site.Actor = *who
		list, one := h.Get(sitesHref), h.Get(sitesHref+"/1")
		desktest.Shows(t, list, http.StatusOK, "What is recorded is kept for 13 months and then erased.", "Main example.com, *.example.com Europe/Dublin")
		if may {
			desktest.Shows(t, list, http.StatusOK, "Add the site")
			desktest.Shows(t, one, http.StatusOK, "Keep the settings", "End recording")
			continue
		}
		desktest.Lacks(t, list, "Add the site")
		desktest.Lacks(t, one, "Keep the settings", "End recording")
		desktest.Shows(t, one, http.StatusOK, "Time zone Europe/Dublin", "Record what happens on the pages yes", "Administrators and the data protection officer change them.")
	}
}
