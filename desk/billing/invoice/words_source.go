package invoice

// SourceWords say in one language how a detail came. What was named stands for its %s.
type SourceWords struct {
	Portal         string // the buyer gave it there
	Staff, Purpose string // the seller's staff entered it, for a purpose
	Check          string // and after a check
	Order, Program string // an order of a service, and one that a program brought
	Former, System string // taken over on a day from the system before, and from one that has a name
}

// SourceWordsIn returns how it is said in a language how a detail came.
func SourceWordsIn(language string) SourceWords { return wordsOf(language).sources }
