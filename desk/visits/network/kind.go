package network

// A Kind is what a network serves. It is a guess, see KindOf.
type Kind uint8

// The kinds of network.
const (
	Unknown   Kind = iota
	Access         // homes and offices by line
	Mobile         // by mobile telephone
	Hosting        // servers: data centres, clouds, private networks for hire
	Education      // schools, universities, research
	Business       // one firm's or authority's own
)

var kindNames = [...]string{"unknown", "access", "mobile", "hosting", "education", "business"}

// String returns the kind as it is stored.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}
