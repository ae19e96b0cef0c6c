package number

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// MadeUp returns a number of the scheme in its kept form, made of a pattern in
// which each # is any digit and each @ any capital: for demonstrations and
// tests, with patterns of numbers that nobody gives out. It panics if none of
// many fits, since patterns stand in the code.
func (s *Scheme) MadeUp(rnd *rand.Rand, pattern string) string {
	for range 100_000 {
		if n, err := s.Check(fillIn(rnd, pattern)); err == nil {
			return n.Value
		}
	}
	panic(fmt.Sprintf("number: no %s is like %s", s.Name, pattern))
}

func fillIn(rnd *rand.Rand, pattern string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '#':
			return rune('0' + rnd.IntN(10))
		case '@':
			return rune('A' + rnd.IntN(26))
		}
		return r
	}, pattern)
}
