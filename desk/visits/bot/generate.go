//go:build ignore

// Generate writes words.tsv from the npm package crawler-user-agents:
//
//	npm pack crawler-user-agents && tar xzf crawler-user-agents-*.tgz
//	go run generate.go package/crawler-user-agents.json >words.tsv
//
// The list's patterns are regular expressions; what they say beyond one word
// becomes several, or is said shorter. With -instances it writes the strings
// that the list has seen of each, for the test.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// people is what the list has and people use: programs that show pages.
var people = []string{
	`AP3A\.240617\.008`, `MetaIAB Facebook`, `Code\/1\.`, `Trae\/`, `Fluid`, `coccoc`, `^Silk\/`, `Viber`, `Readable\/`, `Magellan`,
}

// plain is said otherwise here.
var plain = map[string][]string{
	`AdsBot-Google([^-]|$)`:                     {"adsbot-google"},
	`(sistrix|SISTRIX) [cC]rawler`:              {"sistrix crawler"},
	`Ahrefs(Bot|SiteAudit)`:                     {"ahrefsbot", "ahrefssiteaudit"},
	`(^| )sentry\/`:                             {"<sentry/"},
	`(^| )PTST\/`:                               {"<ptst/"},
	`BlogTraffic\/\d\.\d+ Feed-Fetcher`:         {"blogtraffic/"},
	`developers\.google\.com\/\+\/web\/snippet`: {"developers.google.com/+/web/snippet"},
	`Automaton|Newsify Feed Fetcher`:            {"<automaton", "newsify feed fetcher"},
	`Chirp|gotosocial`:                          {"<chirp", "gotosocial"},
	`ContextualBot[\s\S]*outcomes\.net`:         {"contextualbot"},
	`Current[\s\S]*RSS Reader`:                  {"<current rss reader"},
	`Netumo|netumo`:                             {"netumo"},
	`Spider[\s\S]*spider\.com`:                  {"spider.com"},
}

var kinds = map[string]string{
	"search-engine": "search engine", "ai-crawler": "AI", "monitoring": "monitor", "feed-reader": "feed reader", "http-library": "library",
	"browser-automation": "headless browser", "social-preview": "preview", "seo": "SEO", "scanner": "scanner", "advertising": "advertising",
	"archiver": "archiver", "academic": "research",
}

var choice = regexp.MustCompile(`\[(\w)(\w)\]`)

func main() {
	args := os.Args[1:]
	instances := args[0] == "-instances"
	b, err := os.ReadFile(args[len(args)-1])
	if err != nil {
		panic(err)
	}
	var list []struct {
		Pattern         string
		Tags, Instances []string
	}
	if err := json.Unmarshal(b, &list); err != nil {
		panic(err)
	}
	for _, e := range list {
		if slices.Contains(people, e.Pattern) {
			continue
		}
		words := plain[e.Pattern]
		if words == nil {
			w := choice.ReplaceAllStringFunc(e.Pattern, func(m string) string { return m[1:2] })
			w = strings.ReplaceAll(w, `\`, "")
			words = []string{strings.ToLower(w)}
		}
		name := strings.Trim(strings.ReplaceAll(words[0], `\`, ""), `^$<>/() `)
		if i := strings.Index(strings.ToLower(strings.Join(e.Instances, "\n")), name); i >= 0 {
			name = strings.Join(e.Instances, "\n")[i : i+len(name)] // as it writes itself
		}
		kind := "other"
		for _, tag := range e.Tags {
			if kinds[tag] != "" {
				kind = kinds[tag]
				break
			}
		}
		if instances {
			for _, i := range e.Instances {
				fmt.Printf("%s\t%s\n", words[0], strings.Join(strings.Fields(i), " "))
			}
			continue
		}
		for _, w := range words {
			if len(w) <= 6 && w[0] != '^' && w[0] != '<' {
				w = "<" + w // short ones are part of many other words
			}
			fmt.Printf("%s\t%s\t%s\n", w, kind, strings.Join(strings.Fields(name), " "))
		}
	}
}
