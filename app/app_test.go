package app_test

import (
	"testing"

	"loot/app"
	"loot/web/webtest"
)

// A first start takes the statement that comes with Loot without checking it
// again.
func TestTheStatementThatComesWithLootIsSound(t *testing.T) {
	for _, p := range standard(t).Check(app.Keepers()) {
		t.Error(p)
	}
}

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }
