// Package words finds many words in a text in one pass (Aho and Corasick,
// 1975). What it takes grows with the text alone, whatever the words and
// whoever wrote the text, which no set of regular expressions promises.
package words

import "strings"

// A Set is a set of words to look for. Case of ASCII letters is ignored.
type Set struct {
	class   [256]uint8 // of a byte: those that no word has share one
	classes int
	next    []uint32 // state after state and class; see step
	out     []int32  // first word that ends in a state, -1 for none
	more    []int32  // the next shorter word that ends where this one does
	words   []word
}

type word struct {
	length      int
	left, right edge
}

type edge uint8

const (
	anywhere edge = iota
	wordEdge      // no letter or digit beyond it
	textEdge      // nothing beyond it
)

// New makes a set. A word that begins with ^ is found only at the beginning of
// the text, one that begins with < only where a word begins; $ and > at the end
// say the same of the end.
func New(list []string) *Set {
	s := &Set{classes: 1}
	texts := make([]string, len(list))
	for i, text := range list {
		w := word{}
		text, w.left = cut(strings.ToLower(text), strings.CutPrefix, "<", "^")
		text, w.right = cut(text, strings.CutSuffix, ">", "$")
		w.length = len(text)
		texts[i] = text
		s.words = append(s.words, w)
		for _, b := range []byte(text) {
			if s.class[b] == 0 {
				s.class[b] = uint8(s.classes)
				s.classes++
			}
		}
	}
	for b := 'a'; b <= 'z'; b++ {
		s.class[b-'a'+'A'] = s.class[b]
	}
	s.build(texts)
	return s
}

// A step leads to the row of a state in next, so that none has to be worked
// out, and says in its lowest bit whether a word ends there.
func (s *Set) step(state uint32) uint32 {
	row := state * uint32(s.classes) << 1
	if s.out[state] >= 0 {
		row |= 1
	}
	return row
}

func cut(text string, off func(s, x string) (string, bool), ofWord, ofText string) (string, edge) {
	if rest, ok := off(text, ofWord); ok {
		return rest, wordEdge
	}
	if rest, ok := off(text, ofText); ok {
		return rest, textEdge
	}
	return text, anywhere
}

func (s *Set) build(texts []string) {
	const none = -1
	s.more = make([]int32, len(texts))
	grow := func() int {
		s.next = append(s.next, make([]uint32, s.classes)...)
		s.out = append(s.out, none)
		if len(s.out) > 1<<16 {
			panic("words: the words have more than 65,536 beginnings")
		}
		return len(s.out) - 1
	}
	grow()
	for i, text := range texts {
		state := 0
		for _, b := range []byte(text) {
			at := state*s.classes + int(s.class[b])
			if s.next[at] == 0 {
				to := grow() // before s.next is read: it moves
				s.next[at] = uint32(to)
			}
			state = int(s.next[at])
		}
		if state == 0 {
			panic("words: an empty word is found everywhere")
		}
		s.more[i], s.out[state] = s.out[state], int32(i)
	}
	// Breadth first, so that the state to fall back on is complete already.
	fall := make([]uint32, len(s.out))
	queue := []uint32{0}
	for len(queue) > 0 {
		state := int(queue[0])
		queue = queue[1:]
		for c := range s.classes {
			at, back := state*s.classes+c, uint32(0)
			if state != 0 {
				back = s.next[int(fall[state])*s.classes+c]
			}
			child := s.next[at]
			if child == 0 {
				s.next[at] = back
				continue
			}
			fall[child] = back
			s.chain(int(child), s.out[back])
			queue = append(queue, child)
		}
	}
	for at, state := range s.next {
		s.next[at] = s.step(state)
	}
}

// chain appends shorter words to those that end in a state.
func (s *Set) chain(state int, shorter int32) {
	if s.out[state] < 0 {
		s.out[state] = shorter
		return
	}
	last := s.out[state]
	for s.more[last] >= 0 {
		last = s.more[last]
	}
	s.more[last] = shorter
}

// Each calls found with each word's number in the list and where in the text it
// begins and ends: by end, and of those with the same end the longest first.
func (s *Set) Each(text string, found func(word, start, end int)) {
	row := uint32(0)
	for i := range len(text) {
		row = s.next[row>>1+uint32(s.class[text[i]])]
		if row&1 == 0 {
			continue
		}
		for w := s.out[row>>1/uint32(s.classes)]; w >= 0; w = s.more[w] {
			start, end := i+1-s.words[w].length, i+1
			if s.words[w].left.holds(text, start-1) && s.words[w].right.holds(text, end) {
				found(int(w), start, end)
			}
		}
	}
}

// holds tells whether what stands beyond the edge, at i, leaves it an edge.
func (e edge) holds(text string, i int) bool {
	if e == anywhere || i < 0 || i >= len(text) {
		return true
	}
	b := text[i]
	inWord := 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9'
	return e == wordEdge && !inWord
}
