package imports

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk/imports/source"
	"loot/store"
	"loot/web"
)

// open states are those in which it can still be said what the columns are.
var openStates = []string{fresh, tried, failed}

var errRemoved = loot.Errorf(loot.Conflict, "The file was removed. Bring it again.")

// mappable returns an import of which it can still be said what the columns are, to
// whoever may see what its file holds of people: products are shown as they stand
// in it, and any column can be said to be the product.
func (i *Imports) mappable(ctx context.Context, id string) (r *run, err error) {
	err = i.DB.ReadTx(ctx, func(tx *store.Tx) error {
		if err := i.may(ctx, tx, web.ActorOf(ctx)); err != nil {
			return err
		}
		r, err = findRun(ctx, tx, id)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !r.Removed.IsZero():
		return nil, errRemoved
	case !slices.Contains(openStates, r.State) || r.Found.Form == "":
		return nil, loot.Errorf(loot.Conflict, "This import has begun, so its columns stay what they are. Bring the file again to take it otherwise.")
	}
	return r, nil
}

// saveColumns takes what the columns are, and tries it unless products are left to
// be mapped.
func (i *Imports) saveColumns(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := i.mappable(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, _, err := i.asRemembered(r, one); err != nil {
		return err
	}
	s, err := i.inForce()
	if err != nil {
		return err
	}
	// A tabulator between the cells is a value of the form.
	typed, err := web.Form(r, 0, "delimiter")
	if err != nil {
		return err
	}
	above, below, err := i.around(ctx, s, one)
	if err != nil {
		return err
	}
	if err := append(above, below...).Check(typed); web.Wrong(err) != nil {
		return i.showColumns(w, r, http.StatusUnprocessableEntity, typed, err)
	} else if err != nil {
		return err
	}
	m := one.Mapping
	m.System, m.Dates, m.Service = strings.Join(strings.Fields(typed.Get("system")), " "), typed.Get("dates"), typed.Get("service")
	m.Otherwise = typed.Get("otherwise")
	m.Currency = strings.ToUpper(cmp.Or(typed.Get("currency"), m.Currency))
	m.Person, m.Lenient, m.Invite = typed.Get("person") != "", typed.Get("lenient") != "", typed.Get("invite") != ""
	if one.Found.Form == source.CSV {
		m.Kind, m.Encoding, m.Delimiter = typed.Get("kind"), typed.Get("encoding"), typed.Get("delimiter")
		if f := one.Found.Format; m.format(f) != one.Mapping.format(f) { // other columns than those that were shown
			return i.reread(w, r, one, m)
		}
	}
	if m.Kind != one.Mapping.Kind { // they can be other things now
		m.Columns = map[string]map[string]string{"": keepFor(m.Kind, columnsTyped(one, typed)[""])}
		return i.lookAgain(w, r, one, m, "Now say what the columns of these rows are.")
	}
	m.Columns = columnsTyped(one, typed)
	if wrong := m.missing(one.Found, i.needs.Address(s)); wrong != "" {
		return i.showColumns(w, r, http.StatusUnprocessableEntity, typed, &loot.Error{Kind: loot.Invalid, Msg: wrong, Fields: map[string]string{}})
	}
	one.Mapping = m
	unmapped, err := i.unmapped(ctx, one)
	if err != nil {
		return err
	}
	as := typed.Get("remember")
	if err := i.keep(ctx, one.ID, m, as); err != nil {
		return err
	}
	if !unmapped {
		return i.startTrying(w, r, one.ID)
	}
	to := "/console/imports/" + url.PathEscape(one.ID) + "/products"
	if as != "" { // what the products are belongs to it
		to += "?remember=" + url.QueryEscape(as)
	}
	return web.Redirect(w, r, to)
}

// keep keeps the mapping of an import, also under a name, unless that is empty.
func (i *Imports) keep(ctx context.Context, id string, m Mapping, as string) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := writeMapping(ctx, tx, id, m); err != nil || as == "" {
			return err
		}
		return remember(ctx, tx, as, m, i.Now())
	})
}

func columnsTyped(one *run, typed url.Values) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, t := range one.Found.Tables {
		out[t.Name] = map[string]string{}
		if !typed.Has(columnName(t.Name, 0)) { // it is looked into and not asked about
			out[t.Name] = one.Mapping.Columns[t.Name]
			continue
		}
		for n, column := range t.Columns {
			if to := typed.Get(columnName(t.Name, n)); to != "" {
				out[t.Name][column] = to
			}
		}
	}
	return out
}

// reread looks at a file again that is read otherwise than it seemed to be.
func (i *Imports) reread(w http.ResponseWriter, r *http.Request, one *run, m Mapping) error {
	s, err := i.inForce()
	if err != nil {
		return err
	}
	one.Mapping = m
	if one.Found, err = i.lookAs(r.Context(), one, m.format(one.Found.Format)); err != nil {
		if wrong, is := errors.AsType[*source.Error](err); is {
			return loot.Wrap(loot.Invalid, err, "Read so, the file makes no sense: "+wrong.Error())
		}
		return err
	}
	again := i.suggest(s, one.Found)
	again.System, again.Encoding, again.Delimiter = m.System, m.Encoding, m.Delimiter
	if err := i.DB.InTx(r.Context(), func(tx *store.Tx) error { return writeFound(r.Context(), tx, one.ID, one.Found) }); err != nil {
		return err
	}
	return i.lookAgain(w, r, one, again, "The file is read so now. Look at its columns again.")
}

func (i *Imports) lookAgain(w http.ResponseWriter, r *http.Request, one *run, m Mapping, say string) error {
	if err := i.keep(r.Context(), one.ID, m, ""); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Info, say)
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(one.ID)+"/columns")
}

// startTrying begins the dry run.
func (i *Imports) startTrying(w http.ResponseWriter, r *http.Request, id string) error {
	if err := i.start(r.Context(), web.ActorOf(r.Context()), id, trying); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(id))
}

// start has an import tried, run or gone on with.
func (i *Imports) start(ctx context.Context, by loot.Actor, id, to string) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := i.may(ctx, tx, by); err != nil {
			return err
		}
		if !one.Removed.IsZero() {
			return errRemoved
		}
		var ok bool
		switch {
		case to == trying:
			ok, err = reset(ctx, tx, id, trying, i.Now(), openStates...)
		case one.State == stopped:
			ok, err = move(ctx, tx, id, running, i.Now(), stopped)
		case one.State == running && i.dead(one):
			ok, err = move(ctx, tx, id, running, i.Now(), running)
		default:
			ok, err = reset(ctx, tx, id, running, i.Now(), tried)
		}
		if err != nil {
			return err
		}
		if !ok {
			return loot.Errorf(loot.Conflict, "This cannot be done now: the import is in another state by now. Look at its page.")
		}
		// Whoever has it run answers for it, whoever brought the file.
		if _, err := tx.Exec(ctx, `UPDATE imports_run SET author = $1 WHERE id = $2`, by.ID, id); err != nil {
			return err
		}
		if to == running {
			if _, err := i.Gate.Note(ctx, tx, by, "import.begun", id); err != nil {
				return err
			}
		}
		return i.Jobs.Enqueue(ctx, tx, workArgs{id})
	})
}

// begin takes the rows over, or goes on.
func (i *Imports) begin(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := i.start(r.Context(), web.ActorOf(r.Context()), id, running); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(id))
}

// again begins the dry run anew.
func (i *Imports) again(w http.ResponseWriter, r *http.Request) error {
	return i.startTrying(w, r, r.PathValue("id"))
}

// stop stops an import after the batch that is under way.
func (i *Imports) stop(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := i.stopRun(r.Context(), web.ActorOf(r.Context()), id); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(id))
}

func (i *Imports) stopRun(ctx context.Context, by loot.Actor, id string) error {
	return i.DB.InTx(ctx, func(tx *store.Tx) error {
		ok, err := move(ctx, tx, id, stopped, i.Now(), running)
		if err == nil && ok {
			_, err = i.Gate.Note(ctx, tx, by, "import.stopped", id)
		}
		if err == nil && !ok {
			ok, err = move(ctx, tx, id, fresh, i.Now(), trying)
		}
		if err == nil && !ok {
			err = loot.Errorf(loot.Conflict, "Nothing runs here that could be stopped.")
		}
		return err
	})
}

// remove removes the file of an import that does not run.
func (i *Imports) remove(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	if err := i.DB.InTx(ctx, func(tx *store.Tx) error {
		one, err := findRun(ctx, tx, id)
		if err != nil {
			return err
		}
		if one.works() {
			return loot.Errorf(loot.Conflict, "Stop the import first.")
		}
		if err := removeFile(ctx, tx, id, i.Now().UnixMicro()); err != nil {
			return err
		}
		_, err = i.Gate.Note(ctx, tx, web.ActorOf(ctx), "import.removed", id)
		return err
	}); err != nil {
		return err
	}
	return web.Redirect(w, r, "/console/imports/"+url.PathEscape(id))
}
