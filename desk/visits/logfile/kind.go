package logfile

import (
	"net/http"
	"strings"
)

// A Kind is what a request was for, as far as a log tells.
type Kind uint8

// The kinds. The zero value counts as nothing.
const (
	Other    Kind = iota // another method, a failure, a redirect, a program's call
	Page                 // a page that was shown
	Missing              // a page that is not there
	Download             // a file to keep
	Asset                // what belongs to a page: its styles, scripts, pictures
	Ahead                // fetched in case that somebody would go there
)

// Rules tell the kinds. A log does not say what was answered, so it is told by
// how the path ends: a picture that is served as /photo is held for a page.
type Rules struct {
	assets, downloads map[string]bool
	apart             []string
}

var (
	usualAssets    = "css js mjs map json xml txt rss atom webmanifest wasm png apng jpg jpeg gif webp avif svg ico cur bmp tif tiff woff woff2 ttf otf eot mp3 m4a ogg oga opus wav flac mp4 m4v webm ogv mov avi mkv ts m3u8 vtt swf"
	usualDownloads = "pdf zip gz tgz bz2 xz zst 7z rar tar iso dmg pkg exe msi deb rpm apk jar epub mobi doc docx xls xlsx ppt pptx odt ods odp csv tsv ics vcf"
	usualApart     = []string{"/.well-known/", "/favicon.ico", "/robots.txt"}
)

// NewRules returns rules of one's own: the endings of assets and of downloads,
// without the dot, and the beginnings of paths that are no pages. Nil is the
// usual list.
func NewRules(assets, downloads, apart []string) *Rules {
	set := func(list []string, usual string) map[string]bool {
		if list == nil {
			list = strings.Fields(usual)
		}
		out := map[string]bool{}
		for _, ending := range list {
			out[strings.ToLower(strings.TrimPrefix(ending, "."))] = true
		}
		return out
	}
	if apart == nil {
		apart = usualApart
	}
	return &Rules{assets: set(assets, usualAssets), downloads: set(downloads, usualDownloads), apart: apart}
}

var usual = NewRules(nil, nil, nil)

// Kind says by the usual rules what the request was for.
func (l *Line) Kind() Kind { return usual.Kind(l) }

// IsPage tells by the usual rules whether a page was shown.
func (l *Line) IsPage() bool { return usual.Kind(l) == Page }

// Kind says what a request was for.
func (r *Rules) Kind(l *Line) Kind {
	if l.Method != http.MethodGet {
		return Other
	}
	if strings.Contains(l.Purpose, "prefetch") || strings.Contains(l.Purpose, "prerender") || l.Purpose == "preview" {
		return Ahead
	}
	path, _, _ := strings.Cut(l.Path, "?")
	for _, beginning := range r.apart {
		if strings.HasPrefix(path, beginning) {
			return Asset
		}
	}
	ending := ending(path)
	found := l.Status >= 200 && l.Status < 300 || l.Status == http.StatusNotModified
	switch {
	case r.assets[ending]:
		return Asset
	case r.downloads[ending] && l.Status == http.StatusPartialContent: // one of many
		return Other
	case r.downloads[ending] && found:
		return Download
	case l.Destination != "" && l.Destination != "document":
		if l.Destination == "empty" { // a script asked for it
			return Other
		}
		return Asset
	case found:
		return Page
	case l.Status == http.StatusNotFound || l.Status == http.StatusGone:
		return Missing
	}
	return Other
}

// ending is what stands behind the last dot of a path, in small letters; empty
// where it is too long for one.
func ending(path string) string {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 || len(path)-dot > 12 || strings.IndexByte(path[dot:], '/') >= 0 {
		return ""
	}
	return strings.ToLower(path[dot+1:])
}
