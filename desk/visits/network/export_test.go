package network

// KindOf is the guess by itself.
var KindOf = kindOf
