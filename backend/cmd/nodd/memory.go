package main

import (
	"os"
	"runtime/debug"
)

// gcPercent lets the heap grow to five times what lives before it is collected. A server's live heap is small, and collecting at
// twice of it, Go's default, costs a tenth of all processor time under load.
const gcPercent = 400

// tuneMemory sets the collector for a server, unless the operator has said otherwise. GOMEMLIMIT keeps its meaning.
func tuneMemory() {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
}
