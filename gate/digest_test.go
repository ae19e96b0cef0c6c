package gate_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"loot"
	"loot/gate"
	"loot/statement"
)

// TestApprovalIsForAllThatWasAsked: whatever a request says is part of what is
// approved, but for the reason that is given, the approval itself and the page.
func TestApprovalIsForAllThatWasAsked(t *testing.T) {
	full := func() gate.Request {
		return gate.Request{
			Asked:   &statement.Asked{},
			Visitor: statement.Actor{Agreement: &statement.Agreement{}, Consent: &statement.Consent{}},
		}
	}
	want := full().Digest()
	left := map[string]bool{"Reason": true, "Approval": true, "Page": true}
	var walk func(typ reflect.Type, name string, at func(*gate.Request) reflect.Value)
	walk = func(typ reflect.Type, name string, at func(*gate.Request) reflect.Value) {
		if typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() {
			for i := range typ.NumField() {
				f := typ.Field(i)
				to, said := f.Type, name+"."+f.Name
				if name == "" {
					said = f.Name
				}
				if to.Kind() == reflect.Pointer {
					to = to.Elem()
				}
				walk(to, said, func(r *gate.Request) reflect.Value { return reflect.Indirect(at(r).Field(i)) })
			}
			return
		}
		r := full()
		set(t, name, at(&r))
		if same := bytes.Equal(r.Digest(), want); same != left[name] {
			t.Errorf("%s: two requests that differ in it are the same to an approval: %v", name, same)
		}
	}
	walk(reflect.TypeFor[gate.Request](), "", func(r *gate.Request) reflect.Value { return reflect.ValueOf(r).Elem() })

	two := gate.Request{Fields: []loot.Field{"b", "a"}}
	if !bytes.Equal(two.Digest(), gate.Request{Fields: []loot.Field{"a", "b"}}.Digest()) {
		t.Error("the order of the fields makes another request")
	}
	if two.Fields[0] != "b" {
		t.Error("the request was changed")
	}
}

// set gives a value that is not the zero one.
func set(t *testing.T, name string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Struct:
		v.Set(reflect.ValueOf(noon))
	default:
		t.Fatalf("%s: a %s, which this test cannot set", name, v.Kind())
	}
}

// TestApprovalIsForOneRequestOfACourt, not for another that wants more or is to
// be kept secret for longer.
func TestApprovalIsForOneRequestOfACourt(t *testing.T) {
	each(t, func(b *bench) {
		s := b.person()
		for name, change := range map[string]func(*statement.Asked){
			"basis": func(a *statement.Asked) { a.Basis = "another law" },
			"scope": func(a *statement.Asked) { a.Scope = []loot.Category{"contact", "company"} },
			"gag":   func(a *statement.Asked) { a.Gag = a.Gag.AddDate(5, 0, 0) },
			"until": func(a *statement.Asked) { a.Until = a.Until.AddDate(1, 0, 0) },
		} {
			r := b.secretly(s, true)
			r.By = accounts
			r.Approval = b.approve(r)
			approved, other := r.Asked, *r.Asked
			change(&other)
			r.Asked = &other
			if _, err := b.decide(r); loot.KindOf(err) != loot.Denied {
				b.Errorf("another %s: %v, want it denied", name, err)
			}
			r.Asked = approved
			b.permitted(r)
		}
	})
}
