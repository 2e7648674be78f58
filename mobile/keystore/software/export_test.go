package software

import "io"

// CheapParams opens a file at the least cost, with a hand on its writes.
func CheapParams(dir string, secret string, wrap func(io.Writer) io.Writer, after func(string)) Params {
	return Params{
		Dir:    dir,
		Source: &passphrase{secret: []byte(secret), cost: simulationCost},
		cost:   simulationCost,
		hook:   func(d *disk) { d.wrap, d.after = wrap, after },
	}
}
