package disclosure

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// asked shows the rules what was asked.
func asked(r request) *statement.Asked {
	return &statement.Asked{Basis: r.Basis, Valid: r.valid(), Until: r.Until, Scope: r.Scope, Gag: r.Gag}
}

// question is what the gate is asked before an answer: the same when others are asked to
// agree and when it is handed over.
func (d *disclosure) question(st stand) gate.Request {
	r := st.r
	q := gate.Request{
		Action: loot.Answer, Actor: loot.Actor{Kind: kindOf(st.s, st.authority.Recipient), ID: st.authority.Recipient}, By: st.by, Desk: name, Purpose: purpose,
		Subject: r.Subject, Collection: collection, Fields: r.Fields, Unmask: true, Case: r.ID, Recipient: st.authority.Recipient, Entered: true, Asked: asked(r), Page: home + "/" + r.ID,
	}
	if b, ok := basisOf(r.Basis); ok {
		q.Told = fmt.Sprintf("Asked by %s: %s. Our reference is %s.", st.authority.Title, b.title, reference(r.ID))
	}
	_, known := st.s.Role(counsel)
	if known && (q.Actor.Kind == loot.Authority || !st.by.Has(counsel)) {
		q.Among = counsel
	}
	return q
}

// offered returns the fields that may be chosen: those that the request covers, that its
// basis lets out, and that are held.
func (st stand) fieldsOffered() []statement.FieldDecl {
	return slices.DeleteFunc(limited(st.s, st.r), func(f statement.FieldDecl) bool { _, held := st.held[f.ID]; return !held })
}

var askStep = stepKind{
	id: "ask", title: "Choose the least that answers it", icon: "users", button: "Ask the others to agree",
	text: "Only what the request covers, its basis lets out and the record has. Values stay covered: nobody needs to read them to choose.",
	offered: func(st stand) bool {
		return st.open() && st.r.Kind == answering && st.r.valid() && st.r.Subject != "" && st.now.Before(st.r.Until) &&
			st.approval.State != gate.Pending && (st.approval.State != gate.Approved || st.approval.Requester != st.by.ID)
	},
	fields: func(st stand) web.Fields {
		choose := web.Field{Name: "field", Label: "Details", Type: "checkboxes", Required: true, Wide: true}
		for _, f := range st.fieldsOffered() {
			choose.Options = append(choose.Options, web.Option{Value: string(f.ID), Label: desk.Title(st.s, f.ID), Hint: "••••••••, kept since " + st.held[f.ID].At.UTC().Format("2 January 2006")})
		}
		return web.Fields{
			choose,
			{Name: "extent", Label: "It is answered", Type: "select", Required: true, Options: []web.Option{{Value: whole, Label: "As a whole"}, {Value: part, Label: "In part"}}},
			{Name: "reason", Label: "What is left out, and why", Type: "textarea", MaxLen: 2000, Rows: 2, Hint: "Needed if it is answered in part; it stands in the letter."},
		}
	},
}

// errOthers rolls a decision back that was tried to learn how many have to agree.
var errOthers = errors.New("disclosure: others have to agree")

// ask asks other people to agree to an answer. What they agree to is exactly the details
// that were chosen, for this request, to this authority, with this end of secrecy.
func (d *disclosure) ask(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	prepare := func(tx *store.Tx) (st stand, err error) {
		if st, err = d.stand(ctx, tx, s, r.PathValue("id"), tx.ForUpdate(), by); err != nil {
			return st, err
		}
		if err := sameVersion(st.r, typed); err != nil {
			return st, err
		}
		if !askStep.offered(st) {
			return st, loot.Errorf(loot.Conflict, "Others cannot be asked as the request stands: it has to be lawful, name a person and still run, and nobody may have been asked already.")
		}
		if err := askStep.fields(st).Check(typed); err != nil {
			return st, err
		}
		if typed.Get("extent") == part && typed.Get("reason") == "" {
			return st, web.Invalid("", map[string]string{"reason": "Say what is left out, and why."})
		}
		st.r.Fields = slices.Sorted(slices.Values(parted[loot.Field](strings.Join(typed["field"], " "))))
		return st, nil
	}
	needed := 1 // whatever the statement says, nobody hands something over alone
	err = d.Gate.InTx(ctx, func(tx *store.Tx) error {
		st, err := prepare(tx)
		if err != nil {
			return err
		}
		if _, err := d.Gate.Decide(ctx, tx, d.question(st)); err != nil {
			return err
		}
		return errOthers
	})
	if refusal, ok := errors.AsType[*gate.Refusal](err); ok && refusal.Approvals > 0 {
		needed, err = refusal.Approvals, errOthers
	}
	if errors.Is(err, errOthers) {
		err = d.DB.InTx(ctx, func(tx *store.Tx) error {
			st, err := prepare(tx)
			if err != nil {
				return err
			}
			a, err := d.Gate.RequestApproval(ctx, tx, d.question(st), needed)
			if err != nil {
				return err
			}
			st.r.Approval = a.ID
			do := doing{stand: &st, d: d, tx: tx}
			if err := do.note(ctx, "extent."+typed.Get("extent"), cmp.Or(typed.Get("reason"), "As a whole.")); err != nil {
				return err
			}
			if err := do.noted(ctx, "asked", ""); err != nil {
				return err
			}
			return updateRequest(ctx, tx, st.r)
		})
	}
	if refusal, ok := web.RefusalOf(err); ok {
		return d.showRequest(w, r, http.StatusForbidden, shown{refusal: &refusal})
	}
	if web.Wrong(err) != nil {
		return d.showRequest(w, r, http.StatusUnprocessableEntity, shown{step: askStep.id, typed: typed, wrong: err})
	}
	if err != nil {
		return err
	}
	web.SetFlash(w, r, web.Info, "Asked. They find it under Approvals; come back here when they have agreed.")
	return web.Redirect(w, r, home+"/"+r.PathValue("id"))
}

var answerStep = stepKind{
	id: "answer", title: "Answer", icon: "send", button: "Seal the answer",
	text: "The others agreed. The details are opened once and sealed to the authority at once; you do not see them. Whom it is about is told, unless secrecy is ordered.",
	offered: func(st stand) bool {
		return st.open() && st.approval.State == gate.Approved && st.approval.Requester == st.by.ID && st.now.Before(st.r.Until)
	},
	do: func(ctx context.Context, do *doing) error {
		q := do.d.question(*do.stand)
		q.Approval = do.r.Approval
		p, err := do.d.Gate.Decide(ctx, do.tx, q)
		if err != nil {
			return err
		}
		do.r.Entry = p.Entry()
		values, err := do.d.Vault.Open(ctx, do.tx, p)
		if err != nil {
			return err
		}
		extent, reason := answerTo(do.notes, "extent")
		do.r.Outcome, do.r.Answered = extent, do.now
		if extent == part {
			if err := do.letter(ctx, part, reason); err != nil {
				return err
			}
		}
		sealed, err := do.seal(values)
		if err != nil {
			return err
		}
		if err := do.d.keepFile(ctx, do.tx, do.r, do.by, "answer", sealedType, sealed); err != nil {
			return err
		}
		do.said = "Sealed. Download it, hand it over, and note the receipt."
		if err := do.note(ctx, notePassword, do.once); err != nil {
			return err
		}
		return do.noted(ctx, "answered", "")
	},
}

// notePassword is the kind of the note that has the password of a sealed answer, from when it
// was sealed until the request is closed.
const notePassword = "password"

var passwordStep = stepKind{
	id: "password", title: "The password of the sealed file", icon: "key-round", button: "Show it again",
	text: "It is kept sealed until the request is closed. Who looks at it stands on the ledger.",
	offered: func(st stand) bool {
		return st.r.Closed.IsZero() && st.r.Owner == st.by.ID && desk.LatestNote(st.notes, notePassword) != ""
	},
	do: func(ctx context.Context, do *doing) error {
		do.once = desk.LatestNote(do.notes, notePassword)
		return do.noted(ctx, "password", "")
	},
}

// forgetPassword removes it once the answer was handed over.
func (do *doing) forgetPassword(ctx context.Context) error {
	if _, err := do.tx.Exec(ctx, `DELETE FROM disclosure_note WHERE request = $1 AND kind = $2`, do.r.ID, notePassword); err != nil {
		return fmt.Errorf("disclosure: password: %w", err)
	}
	return nil
}

// sealedType is the media type of an answer: a ZIP within an age file.
const sealedType = "application/age"

// An answered is the data of an answer, as the authority reads it.
type answered struct {
	Reference string        `json:"reference"`
	Authority string        `json:"authority"`
	Basis     string        `json:"basis"`
	Made      time.Time     `json:"made"`
	Details   []answeredOne `json:"details"`
}

type answeredOne struct {
	Field loot.Field `json:"field"`
	Title string     `json:"title"`
	Value string     `json:"value"`
}

// A manifest says what an answer consists of.
type manifest struct {
	Reference string         `json:"reference"`
	Authority string         `json:"authority"`
	Basis     string         `json:"basis"`
	Made      time.Time      `json:"made"`
	Fields    []loot.Field   `json:"fields"`
	Clauses   []loot.Clause  `json:"clauses,omitempty"`
	Entry     string         `json:"entry"`
	Ledger    string         `json:"ledger_key"`
	Files     []manifestFile `json:"files"`
	Receipt   string         `json:"receipt,omitempty"` // of the ledger, in base64; see docs/develop
	NoReceipt string         `json:"no_receipt,omitempty"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

func fileOf(name string, content []byte) manifestFile {
	sum := sha256.Sum256(content)
	return manifestFile{name, int64(len(content)), hex.EncodeToString(sum[:])}
}

func (st stand) manifest(key string) manifest {
	b, _ := basisOf(st.r.Basis)
	return manifest{
		Reference: reference(st.r.ID), Authority: st.authority.Title, Basis: b.title, Made: st.r.Answered.UTC(), Fields: st.r.Fields, Entry: st.r.Entry, Ledger: key,
	}
}

// seal makes the sealed answer: data, the same to read with a watermark, and a manifest
// of both, encrypted to the authority's key or by a password.
func (do *doing) seal(values vault.Values) ([]byte, error) {
	b, _ := basisOf(do.r.Basis)
	a := answered{Reference: reference(do.r.ID), Authority: do.authority.Title, Basis: b.title, Made: do.now.UTC()}
	rows := [][2]string{{"Our reference", a.Reference}, {"Legal basis", a.Basis}}
	for _, f := range do.r.Fields {
		one := answeredOne{Field: f, Title: desk.Title(do.s, f)}
		one.Value = values[f].Reveal() //nolint:forbidigo // it is handed over, sealed
		a.Details = append(a.Details, one)
		rows = append(rows, [2]string{one.Title, one.Value})
	}
	data, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("disclosure: answer: %w", err)
	}
	pdf, err := do.d.needs.Letter(Letter{
		To: []string{do.authority.Title}, Made: do.now, Title: "Answer to your request",
		Paragraphs: []string{"This is what your request covers and we hold. It is for the purpose of the request alone, and carries its mark on every page."},
		Rows:       rows, Watermark: "For " + do.authority.Title + " only, " + a.Reference + ", " + do.now.UTC().Format(time.DateOnly), Data: data,
	})
	if err != nil {
		return nil, err
	}
	m := do.stand.manifest(do.d.Ledger.VerifierKey())
	m.Files = []manifestFile{fileOf("answer.json", data), fileOf("answer.pdf", pdf)}
	m.NoReceipt = "The receipt is in the manifest that comes with the file."
	list, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("disclosure: manifest: %w", err)
	}
	to, err := do.recipients()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	enc, err := age.Encrypt(&out, to...)
	if err != nil {
		return nil, fmt.Errorf("disclosure: seal: %w", err)
	}
	z := zip.NewWriter(enc)
	for _, one := range []struct {
		name    string
		content []byte
	}{{"answer.json", data}, {"answer.pdf", pdf}, {"manifest.json", list}} {
		f, err := z.Create(one.name)
		if err == nil {
			_, err = f.Write(one.content)
		}
		if err != nil {
			return nil, fmt.Errorf("disclosure: seal: %w", err)
		}
	}
	if err := errors.Join(z.Close(), enc.Close()); err != nil {
		return nil, fmt.Errorf("disclosure: seal: %w", err)
	}
	return out.Bytes(), nil
}

// passwordWork is the work factor of scrypt, as a power of two. The password has 130
// bits of chance, which no work is needed to protect, and a transaction waits for it.
const passwordWork = 12

// recipients returns to whom an answer is encrypted, and makes the password if it is by one.
func (do *doing) recipients() ([]age.Recipient, error) {
	if do.authority.Age != "" {
		to, err := age.ParseRecipients(strings.NewReader(do.authority.Age))
		if err != nil {
			return nil, loot.Errorf(loot.Conflict, "The key of this authority in the register cannot be read. Enter the authority anew with a key of age, or without one.")
		}
		return to, nil
	}
	do.once = rand.Text()
	to, err := age.NewScryptRecipient(do.once)
	if err != nil {
		return nil, fmt.Errorf("disclosure: password: %w", err)
	}
	to.SetWorkFactor(passwordWork)
	return []age.Recipient{to}, nil
}

// file hands a file of a request to a colleague, and the ledger has it.
func (d *disclosure) file(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var f file
	var content []byte
	var one request
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		st, err := d.stand(ctx, tx, s, r.PathValue("id"), "", by)
		if err != nil {
			return err
		}
		one = st.r
		if f, content, err = d.content(ctx, tx, one.ID, r.PathValue("file")); err != nil {
			return err
		}
		return d.noted(ctx, tx, one, st.authority, by, "file", f.Kind)
	}); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", f.Type)
	h.Set("Content-Disposition", `attachment; filename="`+reference(one.ID)+"-"+strings.ReplaceAll(f.Kind, ".", "-")+fileKinds[f.Type]+`"`)
	_, err = w.Write(content)
	return err
}

// manifest hands out what goes with a sealed answer in the open: its hash, and the
// receipt of the ledger, once no secrecy hides the entry.
func (d *disclosure) manifest(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	var m manifest
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		st, err := d.stand(ctx, tx, s, r.PathValue("id"), "", by)
		if err != nil {
			return err
		}
		if st.r.Answered.IsZero() {
			return loot.Errorf(loot.NotFound, "This request has not been answered, so that there is no manifest.")
		}
		m = st.manifest(d.Ledger.VerifierKey())
		list, err := files(ctx, tx, st.r.ID)
		for _, f := range list {
			if f.Kind == "answer" {
				m.Files = append(m.Files, manifestFile{reference(st.r.ID) + "-answer" + fileKinds[f.Type], f.Size, f.SHA256})
			}
		}
		if err != nil {
			return err
		}
		proof, err := d.Ledger.Proof(ctx, tx, st.r.Entry)
		switch {
		case err == nil:
			m.Receipt = base64.StdEncoding.EncodeToString(proof)
		case st.r.Gag.After(st.now):
			m.NoReceipt = "Secrecy is ordered: the ledger proves the entry once it has ended."
		case loot.KindOf(err) == loot.Unavailable || loot.KindOf(err) == loot.NotFound:
			m.NoReceipt = "The ledger makes the receipt within seconds; ask again."
		default:
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="`+m.Reference+`-manifest.json"`)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(m)
}
