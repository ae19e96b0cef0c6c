package column

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A manifest says what there is. It is replaced as a whole, and that is the one
// instant at which a day changes from open to sealed: what it does not name is
// the leftover of something that did not come to its end.
type manifest struct {
	Version uint64
	Before  Day               // days before it were dropped
	Sealed  []Day             // sorted
	Closing []Day             `json:",omitempty"` // being sealed, on ClickHouse
	Months  map[string]uint64 `json:",omitempty"` // DuckDB: the number of each month's file
	Days    map[Day]uint64    `json:",omitempty"` // DuckDB: of each open day's file; ClickHouse: the generation of a sealed day's rows
}

func readManifest(b []byte) (manifest, error) {
	m := manifest{Months: map[string]uint64{}, Days: map[Day]uint64{}}
	if err := json.Unmarshal(b, &m); err != nil {
		return manifest{}, fmt.Errorf("column: manifest: %w", err)
	}
	return m, nil
}

func (m manifest) bytes() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("column: manifest: %w", err)
	}
	return b, nil
}

// next returns a copy to change, with the version that it will have.
func (m manifest) next() manifest {
	m.Version++
	m.Sealed, m.Closing = slices.Clone(m.Sealed), slices.Clone(m.Closing)
	m.Months, m.Days = maps.Clone(m.Months), maps.Clone(m.Days)
	if m.Months == nil {
		m.Months = map[string]uint64{}
	}
	if m.Days == nil {
		m.Days = map[Day]uint64{}
	}
	return m
}

// closed reports whether a day takes no rows.
func (m *manifest) closed(d Day) bool {
	return d < m.Before || m.sealed(d) || slices.Contains(m.Closing, d)
}

func (m *manifest) sealed(d Day) bool {
	_, ok := slices.BinarySearch(m.Sealed, d)
	return ok
}

func (m *manifest) seal(d Day) {
	if i, ok := slices.BinarySearch(m.Sealed, d); !ok {
		m.Sealed = slices.Insert(m.Sealed, i, d)
	}
}

// open takes a day out of the list.
func open(list []Day, d Day) []Day {
	return slices.DeleteFunc(list, func(x Day) bool { return x == d })
}
