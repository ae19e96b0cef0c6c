package words_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"loot/desk/visits/words"
)

func found(list []string, text string) (hits []string) {
	words.New(list).Each(text, func(w, start, end int) {
		hits = append(hits, fmt.Sprintf("%s %d-%d", list[w], start, end))
	})
	return hits
}

func TestWordsAreFoundAtTheirEdges(t *testing.T) {
	for _, c := range []struct {
		list []string
		text string
		want []string
	}{
		{[]string{"he", "she", "his", "hers"}, "ushers", []string{"she 1-4", "he 2-4", "hers 2-6"}},
		{[]string{"BOT"}, "Googlebot", []string{"BOT 6-9"}},
		{[]string{"<bot"}, "robot bot", []string{"<bot 6-9"}},
		{[]string{"bot>"}, "botany bot/1", []string{"bot> 7-10"}},
		{[]string{"^curl", "curl"}, "curl curl", []string{"curl 0-4", "^curl 0-4", "curl 5-9"}},
		{[]string{"end$"}, "end end", []string{"end$ 4-7"}},
		{[]string{"é"}, "café", []string{"é 3-5"}},
		{[]string{"a"}, "", nil},
	} {
		got := found(c.list, c.text)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%v in %q: got %v, want %v", c.list, c.text, got, c.want)
		}
	}
}

// TestAgreesWithLookingForEachWord compares with the plain way to look.
func TestAgreesWithLookingForEachWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab]{1,4}`), 1, 12, rapid.ID[string]).Draw(t, "words")
		text := rapid.StringMatching(`[abcA]{0,24}`).Draw(t, "text")
		var want []string
		for end := range len(text) + 1 {
			for start := range end {
				if part := strings.ToLower(text[start:end]); slices.Contains(list, part) {
					want = append(want, fmt.Sprintf("%s %d-%d", part, start, end))
				}
			}
		}
		if got := found(list, text); !slices.Equal(got, want) {
			t.Errorf("%v in %q: got %v, want %v", list, text, got, want)
		}
	})
}

func BenchmarkEach(b *testing.B) {
	set := words.New([]string{"bot", "crawl", "spider", "http://", "curl", "python"})
	text := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		set.Each(text, func(_, _, _ int) { b.Error("a hit") })
	}
}
