package web_test

import (
	"testing"

	"loot/web/webtest"
)

func TestPagesFitTheirData(t *testing.T) { webtest.CheckPages(t) }
