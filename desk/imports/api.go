package imports

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"loot"
	"loot/api"
	"loot/desk/imports/source"
	"loot/store"
)

// partSize is how much of a file one request brings.
const partSize = chunkSize

// api adds the operations, by which the command line brings files.
func (i *Imports) api(a *api.API) {
	op := func(id, method, path, summary, text string, kinds ...loot.Kind) api.Operation {
		return api.Operation{
			ID: id, Method: method, Path: "/api/imports" + path, Summary: summary, Text: text, Tag: "Imports", Scope: "imports:write",
			Kinds: kinds,
		}
	}
	const who = "For members of the staff who look after customers or invoices and have signed the undertaking."
	api.Add(a, op("bring-file", http.MethodPost, "", "Begin to bring a file", who+" Its parts follow, in their order.", loot.Invalid), i.apiBring)
	part := op("bring-part", http.MethodPut, "/{id}/parts/{number}", "Bring the next part of a file", "At most 512 KiB. The last part is followed by the mapping.", loot.Invalid, loot.NotFound, loot.Conflict)
	part.MaxBody, part.Status = 2*partSize, http.StatusOK // up to which it is said in words what a part has at most
	api.Add(a, part, i.apiPart)
	naming := op("name-columns", http.MethodPost, "/{id}/mapping", "Name the columns of a file", "By a mapping that is remembered under a name; without one, by what the columns are called, such as “Invoiced until”. Then the dry run begins.", loot.Invalid, loot.NotFound, loot.Conflict)
	naming.Status = http.StatusOK
	api.Add(a, naming, i.apiMap)
	api.Add(a, op("read-import", http.MethodGet, "/{id}", "Read how far an import is", "", loot.NotFound), i.apiRead)
	api.Add(a, op("read-rows", http.MethodGet, "/{id}/rows", "Read what became of each row", "Or in a dry run, what would: by the line of the file, without what stands in it. Of a service, from when on it is charged, and both prices where that of the file is not its plan's: those are remarked.", loot.NotFound), i.apiRows)
	for _, one := range []struct{ id, path, summary, text, to string }{
		{"take-over", "run", "Take the rows over, or go on", "After the dry run, or after a stop.", running},
		{"stop-import", "stop", "Stop an import", "After the rows that are being taken over. It can be gone on with.", stopped},
	} {
		o := op(one.id, http.MethodPost, "/{id}/"+one.path, one.summary, one.text, loot.NotFound, loot.Conflict)
		o.Status = http.StatusOK
		api.Add(a, o, func(ctx context.Context, in *importIn) (*importOut, error) {
			by, err := i.apiStaff(ctx)
			if err != nil {
				return nil, err
			}
			if one.to == stopped {
				err = i.stopRun(ctx, by, in.ID)
			} else {
				err = i.start(ctx, by, in.ID, one.to)
			}
			if err != nil {
				return nil, err
			}
			return i.apiRead(ctx, in)
		})
	}
}

func (i *Imports) apiStaff(ctx context.Context) (loot.Actor, error) {
	by := api.ActorOf(ctx)
	if by.Kind != loot.Staff || !slices.ContainsFunc(by.Roles, func(r loot.Role) bool { return slices.Contains(roles, r) }) {
		return by, loot.Errorf(loot.Denied, "Imports are for members of the staff who look after customers or invoices.")
	}
	return by, i.DB.ReadTx(ctx, func(tx *store.Tx) error { return i.may(ctx, tx, by) })
}

type importIn struct {
	ID string `path:"id" maxLength:"64"`
}

// An ImportState is how far an import is, as programs read it.
type ImportState struct {
	ID      string `json:"id"`
	State   string `json:"state" enum:"arriving,new,trying,tried,running,stopped,done,failed"`
	Fault   string `json:"fault,omitempty" doc:"Why it failed"`
	Rows    int64  `json:"rows" doc:"That the file has"`
	Read    int64  `json:"read" doc:"Of them, so far"`
	New     int64  `json:"new" doc:"Taken over, or in a dry run, would be"`
	Known   int64  `json:"known" doc:"Here already"`
	Refused int64  `json:"refused"`
	Remarks int    `json:"remarked,omitempty" doc:"Of the new ones: those with a remark, such as a price that is not their plan's. It is told while no row is being read"`
}

type importOut struct{ Body ImportState }

func (i *Imports) apiRead(ctx context.Context, in *importIn) (*importOut, error) {
	if _, err := i.apiStaff(ctx); err != nil {
		return nil, err
	}
	var r *run
	var remarks int
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if r, err = findRun(ctx, tx, in.ID); err != nil || r.works() { // which programs ask for again and again
			return err
		}
		remarks, err = countRemarked(ctx, tx, r.ID)
		return err
	}); err != nil {
		return nil, err
	}
	out := ImportState{ID: r.ID, Remarks: remarks, State: r.State, Fault: r.Fault, New: r.Fresh, Known: r.Known, Refused: r.Refused, Read: r.At}
	for n, p := range r.Mapping.steps(r.Found) {
		if t := r.Found.table(p.table); t != nil {
			if out.Rows += t.Rows; n < r.Step {
				out.Read += t.Rows
			}
		}
	}
	return &importOut{out}, nil
}

type rowsIn struct {
	ID    string `path:"id" maxLength:"64"`
	Is    string `query:"is" enum:"new,known,refused,remarked" doc:"Only those of which this became; remarked: new, with a remark"`
	After string `query:"after" maxLength:"40" doc:"Row to go on after"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type importRow struct {
	Line    int64  `json:"line" doc:"As the file is read"`
	Kind    string `json:"kind" enum:"customer,service,invoice"`
	Is      string `json:"is" enum:"new,known,refused" doc:"New: it is taken over, or in a dry run, would be"`
	Why     string `json:"why,omitempty"`
	Charged string `json:"chargedFrom,omitempty" format:"date" doc:"Of a service: the day from which it is charged. Without it, that in a dry run is the day on which it is taken over"`
}

type rowsOut struct {
	Body struct {
		Rows []importRow `json:"rows"`
		Next string      `json:"next,omitempty" doc:"Row to go on after; empty at the end"`
	}
}

// becomes are what became of rows, and what to ask for them by.
var becomes = map[int]string{taken: "new", already: "known", refused: "refused", remarked: "remarked"}

func (i *Imports) apiRows(ctx context.Context, in *rowsIn) (*rowsOut, error) {
	if _, err := i.apiStaff(ctx); err != nil {
		return nil, err
	}
	is := 0
	for n, word := range becomes {
		if word == in.Is {
			is = n
		}
	}
	step, after := rowAfter(in.After)
	var one *run
	var all []verdict
	var steps []int
	if err := i.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if one, err = findRun(ctx, tx, in.ID); err == nil {
			all, steps, err = verdicts(ctx, tx, one.ID, is, step, after, in.Limit)
		}
		return err
	}); err != nil {
		return nil, err
	}
	out := &rowsOut{}
	out.Body.Rows = []importRow{}
	parts := one.Mapping.steps(one.Found)
	for n, v := range all {
		row := importRow{Line: v.line, Is: becomes[v.is], Why: v.why}
		if steps[n] < len(parts) {
			row.Kind = kindOne[parts[steps[n]].kind]
		}
		if v.charged != whenTaken {
			row.Charged = v.charged
		}
		out.Body.Rows = append(out.Body.Rows, row)
	}
	if n := len(all); n == in.Limit {
		out.Body.Next = rowName(steps[n-1], all[n-1])
	}
	return out, nil
}

type bringIn struct {
	Body struct {
		Title string `json:"title" maxLength:"80" doc:"Under which the console shows it"`
	}
}

func (i *Imports) apiBring(ctx context.Context, in *bringIn) (*importOut, error) {
	by, err := i.apiStaff(ctx)
	if err != nil {
		return nil, err
	}
	f, err := i.beginFile(ctx, by, in.Body.Title)
	if err != nil {
		return nil, err
	}
	return &importOut{ImportState{ID: f.id, State: arriving}}, nil
}

type partIn struct {
	ID      string `path:"id" maxLength:"64"`
	Number  int64  `path:"number" minimum:"0" doc:"Of the part, from 0"`
	RawBody []byte `contentType:"application/octet-stream"`
}

// apiPart keeps a part. The one that was sent last can be sent again.
func (i *Imports) apiPart(ctx context.Context, in *partIn) (*importOut, error) {
	if _, err := i.apiStaff(ctx); err != nil {
		return nil, err
	}
	r, err := i.read(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	switch {
	case r.State != arriving:
		return nil, loot.Errorf(loot.Conflict, "This file has arrived already.")
	case in.Number == r.Chunks-1: // the answer was lost
	case in.Number != r.Chunks:
		return nil, loot.Errorf(loot.Conflict, "The next part is number %d.", r.Chunks)
	case len(in.RawBody) > partSize:
		return nil, loot.Errorf(loot.TooLarge, "A part has at most %d KiB.", partSize>>10)
	default:
		f := &incoming{i: i, id: r.ID, size: r.Size, n: r.Chunks}
		err := f.chunk(ctx, in.RawBody)
		if loot.KindOf(err) == loot.TooLarge { // what came before would be taken for the whole
			err = errors.Join(err, i.drop(ctx, r.ID))
		}
		if err != nil {
			return nil, err
		}
	}
	return i.apiRead(ctx, &importIn{in.ID})
}

type mapIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name    string `json:"name,omitempty" maxLength:"60" doc:"Under which a mapping is remembered; empty: by what the columns are called"`
		Kind    string `json:"kind,omitempty" enum:"clients,services,invoices" doc:"What each row of CSV is; empty: as the columns tell"`
		System  string `json:"system,omitempty" maxLength:"40" doc:"From which system it comes; customers read it"`
		Dates   string `json:"dates,omitempty" enum:"ymd,dmy,mdy" doc:"Order of the parts of a day"`
		Service string `json:"service,omitempty" maxLength:"100" doc:"What customers have beside whom no service stands: its id and, behind a bar, its plan"`
	}
}

// named returns the mapping with what the request says otherwise.
func (in *mapIn) named(m Mapping, f found) Mapping {
	if in.Body.Kind != "" && f.Form == source.CSV && in.Body.Kind != m.Kind {
		m.Kind = in.Body.Kind
		m.Columns = map[string]map[string]string{"": keepFor(m.Kind, m.Columns[""])}
	}
	m.System, m.Dates, m.Service = cmp.Or(in.Body.System, m.System), cmp.Or(in.Body.Dates, m.Dates), cmp.Or(in.Body.Service, m.Service)
	return m
}

// apiMap looks at a file that is whole, names its columns and tries it.
func (i *Imports) apiMap(ctx context.Context, in *mapIn) (*importOut, error) {
	by, err := i.apiStaff(ctx)
	if err != nil {
		return nil, err
	}
	if err := i.arrived(ctx, in.ID); err != nil {
		return nil, err
	}
	r, err := i.read(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if r.State == failed && r.Found.Form == "" {
		return nil, loot.Errorf(loot.Invalid, "The file cannot be read. %s", r.Fault)
	}
	s, err := i.inForce()
	if err != nil {
		return nil, err
	}
	if err := i.DB.InTx(ctx, func(tx *store.Tx) error {
		all, err := savedMappings(ctx, tx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(m saved) bool { return m.Name == in.Body.Name })
		switch {
		case in.Body.Name == "":
		case at < 0:
			return loot.Errorf(loot.NotFound, "No mapping is remembered under this name. Name the columns of such a file in the console once.")
		case !sameColumns(all[at].Mapping, r.Found):
			return loot.Errorf(loot.Invalid, "The mapping is of a file with other columns.")
		default:
			r.Mapping = all[at].knowing(r.Mapping)
		}
		r.Mapping = in.named(r.Mapping, r.Found)
		if wrong := r.Mapping.missing(r.Found, i.needs.Address(s)); wrong != "" {
			return loot.Errorf(loot.Invalid, "%s Name the columns in the console, under Imports.", wrong)
		}
		return writeMapping(ctx, tx, r.ID, r.Mapping)
	}); err != nil {
		return nil, err
	}
	if err := i.start(ctx, by, in.ID, trying); err != nil {
		return nil, err
	}
	return i.apiRead(ctx, &importIn{in.ID})
}
