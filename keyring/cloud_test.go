package keyring

import (
	"os"
	"testing"

	"golang.org/x/tools/go/packages"
)

// The roots that are built with a tag alone compile: their types are checked by the
// source, as compiling the libraries of both services takes twenty times as long.
func TestRootsOfCloudsCompile(t *testing.T) {
	all, err := packages.Load(&packages.Config{
		Mode:       packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax,
		BuildFlags: []string{"-tags=awskms,gcpkms"},
		Env:        append(os.Environ(), "CGO_ENABLED=0"),
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	packages.Visit(all, nil, func(p *packages.Package) {
		for _, err := range p.Errors {
			t.Errorf("%s: %v", p.PkgPath, err)
		}
	})
}
