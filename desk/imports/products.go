package imports

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk/imports/source"
	"loot/statement"
	"loot/web"
)

var productsPage = web.NewPage[productsView](pageFiles, "pages/products.html")

type productsView struct {
	web.View
	Steps  []web.Step
	Save   string
	Fields web.Fields
	Empty  web.Empty
}

// mostProducts are how many products of a file are asked about.
const mostProducts = 200

// unmapped reports whether products of a file are to be mapped yet.
func (i *Imports) unmapped(ctx context.Context, one *run) (bool, error) {
	j, all, err := i.productsOf(ctx, one)
	return err == nil && slices.ContainsFunc(all, j.asks), err
}

// productsOf returns the products of a file by their names and cycles, and who judges them.
func (i *Imports) productsOf(ctx context.Context, one *run) (j *judge, out []product, err error) {
	j, err = i.judge(ctx, &run{ID: one.ID, Chunks: one.Chunks, Found: found{Format: one.Found.Format}, Mapping: one.Mapping})
	if err != nil {
		return nil, nil, err
	}
	seen := map[product]bool{}
	for _, p := range one.Mapping.steps(one.Found) {
		in, err := i.open(ctx, one, func(t string) bool { return t == p.table })
		if err != nil {
			return nil, nil, err
		}
		if err := each(in, func(row *source.Row) error {
			if row.Wrong != "" {
				return nil
			}
			p := productOf(j.values(row))
			if p.name == "" || seen[p] {
				return nil
			}
			p.name, p.cycle = strings.Clone(p.name), strings.Clone(p.cycle)
			if seen[p] = true; len(seen) > mostProducts {
				return &loot.Error{Kind: loot.Invalid, Fields: map[string]string{}, Msg: "The column that is said to be the product has more than " + strconv.Itoa(mostProducts) + " different values, each with its billing cycle. Choose another."}
			}
			return nil
		}); err != nil {
			return nil, nil, err
		}
	}
	return j, slices.SortedFunc(maps.Keys(seen), func(a, b product) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.months, b.months), strings.Compare(a.cycle, b.cycle))
	}), nil
}

func productName(n int) string { return "product." + strconv.Itoa(n) }

// products asks what service of the statement each product is.
func (i *Imports) products(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := i.mappable(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	q, err := web.Query(r)
	if err != nil {
		return err
	}
	v := productsView{View: web.ViewOf(r, "Name the products"), Steps: web.Steps(2, "Bring", "Name columns", "Try", "Take over")}
	base := "/console/imports/" + url.PathEscape(one.ID)
	v.Crumbs = []web.Crumb{{Label: "Imports", Href: "/console/imports"}, {Label: one.Title, Href: base}}
	v.Lead = "Which service of the statement each product of the file is. What it is used for hangs on that, and with a price it is on the next invoice, by the cycle of the plan."
	v.Save = base + "/products"
	v.Empty = web.Empty{Icon: "package", Title: "No product", Text: "The file names none."}
	if _, v.Fields, err = i.productFields(ctx, one, q.Get("remember")); err != nil {
		return err
	}
	return productsPage.Render(w, r, http.StatusOK, v)
}

// productFields asks what each product is and, if there are some, under which name that is
// remembered.
func (i *Imports) productFields(ctx context.Context, one *run, as string) (all []product, fields web.Fields, err error) {
	j, all, err := i.productsOf(ctx, one)
	if err != nil {
		return nil, nil, err
	}
	options, err := i.serviceOptions(ctx, j.s, "Refuse these rows")
	if err != nil {
		return nil, nil, err
	}
	options = append(options[:1:1], append([]web.Option{{Value: leftOut, Label: "Leave these rows out"}}, options[1:]...)...)
	for n, p := range all {
		label := product{clipAt(p.name, 80), p.cycle, p.months}
		fields = append(fields, web.Field{Name: productName(n), Type: "select", Label: label.String(), Value: j.suggested(p), Options: options, Plain: true})
	}
	if len(all) > 0 {
		fields = append(fields, rememberField(as))
	}
	return all, fields, nil
}

// saveProducts takes what each product is, and tries it.
func (i *Imports) saveProducts(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	one, err := i.mappable(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	all, fields, err := i.productFields(ctx, one, "")
	if err != nil {
		return err
	}
	if err := fields.Check(typed); err != nil {
		return err
	}
	m := one.Mapping
	m.Products = map[string]string{}
	for n, p := range all {
		m.Products[p.String()] = typed.Get(productName(n))
	}
	if err := i.keep(ctx, one.ID, m, typed.Get("remember")); err != nil {
		return err
	}
	return i.startTrying(w, r, one.ID)
}

// serviceOptions returns what a product can be mapped to.
func (i *Imports) serviceOptions(ctx context.Context, s *statement.Statement, none string) ([]web.Option, error) {
	plans, err := i.needs.Plans(ctx)
	if err != nil {
		return nil, err
	}
	out := []web.Option{{Label: none}}
	for _, service := range s.Services() {
		out = append(out, web.Option{Value: service.ID, Label: service.Title + ", without a price", Group: service.Title})
		for _, p := range plans {
			if p.Service == service.ID {
				out = append(out, web.Option{Value: p.choice(), Label: service.Title + ": " + p.Title + ", " + i.needs.Price(p.Amount, p.Currency, p.Months), Group: service.Title})
			}
		}
	}
	return out, nil
}
