package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"loot"
)

//go:embed assets
var assetFiles embed.FS

const assetPattern = "GET /assets/{sum}/{name}"

// A Packed is a file with its packed form, made once. It is served under an
// address that has a hash of it, so that browsers may keep it for ever.
type Packed struct {
	kind    string
	content []byte
	packed  []byte // nil: packing does not help
}

// shelf holds every asset by "sum/name". The files of the shell share one
// sum, so that one may name its neighbour; those of desks have their own.
var shelf struct {
	sync.Mutex
	files map[string]*Packed
}

// assetSum is one hash over all assets of the shell.
var assetSum = sync.OnceValue(func() string {
	h := sha256.New()
	files := map[string]*Packed{}
	err := fs.WalkDir(assetFiles, "assets", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assetFiles.ReadFile(p)
		fmt.Fprintf(h, "%s %d\n%s", p, len(b), b)
		files[path.Base(p)] = NewPacked(p, b)
		return err
	})
	if err != nil {
		panic(err) // the files are in the program; they cannot be missing
	}
	sum := short(h.Sum(nil))
	shelf.Lock()
	defer shelf.Unlock()
	if shelf.files == nil {
		shelf.files = map[string]*Packed{}
	}
	for name, f := range files {
		shelf.files[sum+"/"+name] = f
	}
	return sum
})

// Asset returns the URL of an asset of the shell. It has a hash of the
// content in it, so browsers may keep it for ever.
func Asset(name string) string { return "/assets/" + assetSum() + "/" + name }

// NewAsset adds a file of a desk, such as a script of one page, and returns
// its URL. It belongs in a package's variables.
func NewAsset(name string, content []byte) string {
	h := sha256.Sum256(content)
	sum := short(h[:])
	shelf.Lock()
	defer shelf.Unlock()
	if shelf.files == nil {
		shelf.files = map[string]*Packed{}
	}
	shelf.files[sum+"/"+path.Base(name)] = NewPacked(name, content)
	return "/assets/" + sum + "/" + path.Base(name)
}

func short(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum[:9]) }

// kinds are said here, as what the system says differs from one to the next.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2", ".md": "text/plain; charset=utf-8", ".png": "image/png",
	".wasm": "application/wasm", ".json": "application/json",
}

// NewPacked packs a file; its name says of what kind it is.
func NewPacked(name string, content []byte) *Packed {
	f := &Packed{kind: kinds[path.Ext(name)], content: content}
	if f.kind == "" {
		f.kind = mime.TypeByExtension(path.Ext(name))
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is valid
	if _, err := z.Write(content); err == nil && z.Close() == nil && b.Len() < len(content)*9/10 {
		f.packed = b.Bytes()
	}
	return f
}

func serveAsset(w http.ResponseWriter, r *http.Request) error {
	assetSum() // fills the shelf
	shelf.Lock()
	f := shelf.files[r.PathValue("sum")+"/"+r.PathValue("name")]
	shelf.Unlock()
	if f == nil {
		return loot.Errorf(loot.NotFound, "There is no such file.")
	}
	return f.Serve(w, r)
}

// Serve answers with the file, packed for whoever can unpack it.
func (f *Packed) Serve(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	content := f.content
	if f.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		content = f.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, err := w.Write(content)
	return err
}

// icons are the icons of the sprite by name, ready to stand in a page.
var icons = sync.OnceValue(func() map[string]template.HTML {
	sprite, err := assetFiles.ReadFile("assets/icons.svg")
	if err != nil {
		panic(err) // in the program
	}
	all := map[string]template.HTML{}
	for _, m := range regexp.MustCompile(`<symbol id="([a-z0-9-]+)"`).FindAllSubmatch(sprite, -1) {
		name := string(m[1])
		all[name] = template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + Asset("icons.svg") + `#` + name + `"></use></svg>`)
	}
	return all
})
