package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// event is one line of --json. Every one has "event".
type event map[string]any

// output writes for a person or for a script.
type output struct {
	mu    sync.Mutex
	w     io.Writer
	json  bool
	color bool
}

func newOutput(w io.Writer, asJSON, plain bool) *output {
	return &output{w: w, json: asJSON, color: !plain && !asJSON && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(w)}
}

// event writes a line for a script; a person sees nothing of it.
func (o *output) event(e event) {
	if !o.json {
		return
	}
	line, err := json.Marshal(e)
	if err != nil {
		return // maps of strings and numbers always encode
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = fmt.Fprintf(o.w, "%s\n", line) // nobody to tell when standard output is gone
}

// say writes for a person; a script sees nothing of it.
func (o *output) say(format string, args ...any) {
	if o.json {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	_, _ = fmt.Fprintf(o.w, format, args...)
}

// The colors, by meaning. They are the terminal's own, so that they suit its background.
const (
	bold    = "1"
	dim     = "2"
	danger  = "31"
	good    = "32"
	caution = "33"
	accent  = "36"
)

func (o *output) paint(style, text string) string {
	if !o.color || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// isTerminal tells whether w is a character device other than the null device.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
