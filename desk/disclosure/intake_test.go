package disclosure

import (
	"net/http"
	"net/url"
	"testing"

	"loot/desk/desktest"
	"loot/web"
	"loot/web/webtest"
)

// TestNothingIsChosenBeforehand: who asks, what for and on what ground is read from the request.
func TestNothingIsChosenBeforehand(t *testing.T) {
	h := onOne(t)
	h.authority("court")
	h.as("t-counsel")
	all := []authority{{ID: h.registered("Example court")}}
	s, err := h.desk.inForce()
	ok(t, err)
	wrong := web.Wrong(intakeFields(s, all).Check(url.Values{"asked": {"x"}, "due": {h.inDays(5)}}))
	for _, f := range intakeFields(s, all) {
		switch f.Name {
		case "authority", "kind", "basis":
			if first := f.Options[0]; first.Value != "" || first.Group != "" || f.Value != "" || wrong[f.Name] == "" {
				t.Errorf("%s begins with %+v", f.Name, first)
			}
		}
	}
}

// TestDangerIsAnEmergency however it is entered: by its basis, or by what was written on another.
func TestDangerIsAnEmergency(t *testing.T) {
	h := onOne(t)
	h.as("t-counsel")
	for _, basis := range []string{danger, "production"} {
		if id := h.enter("police", basis, "danger", "Somebody is missing."); !h.request(id).Emergency {
			t.Errorf("%s with a danger is an ordinary request", basis)
		}
	}
	if h.request(h.enter("police", "production")).Emergency {
		t.Error("a request without a danger is an emergency")
	}
	a := h.upload(home+"/new", "authority", h.authority("police"), "kind", answering, "basis", danger, "asked", "x", "scope", "contact", "due", h.inDays(1))
	shows(t, a, http.StatusUnprocessableEntity, "Imminent danger : Say what the danger is")
}

// TestStaffAreNotSpokenToAsCustomers by the titles of details.
func TestStaffAreNotSpokenToAsCustomers(t *testing.T) {
	h := onOne(t)
	s := h.person("jo@example.com")
	h.as("t-counsel")
	id := h.enter("police", "subscriber")
	h.leads(h.do(id, "person", "by", "id", "value", string(s)))
	h.leads(h.do(id, "assess", lawful("contact")...))
	form, page := h.Get(home+"/new"), h.Get(home+"/"+id)
	shows(t, form, http.StatusOK, "The person's name, E-mail address, Telephone number")
	shows(t, page, http.StatusOK, "The person's name, E-mail address, Telephone number")
	for _, p := range []webtest.Answer{form, page} {
		desktest.Lacks(t, p, "Your company", "How to reach you", "Your name")
	}
}
