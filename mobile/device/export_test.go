package device

import (
	"errors"
	"io"
)

// ErrKilled stands for the end of the process.
var ErrKilled = errors.New("killed")

// KillAtByte makes every further save die after n bytes.
func (c *Core) KillAtByte(n int) {
	c.file.wrap = func(w io.Writer) io.Writer { return &dying{w, n} }
}

// KillAfter makes every further save die after a step: written, kept, renamed.
func (c *Core) KillAfter(step string) {
	c.file.after = func(s string) error {
		if s == step {
			return ErrKilled
		}
		return nil
	}
}

type dying struct {
	w    io.Writer
	left int
}

func (d *dying) Write(p []byte) (int, error) {
	if len(p) <= d.left {
		d.left -= len(p)
		return d.w.Write(p)
	}
	n, err := d.w.Write(p[:d.left])
	return n, errors.Join(ErrKilled, err)
}
