package platform

import (
	"context"
	"sync"
)

// Fake is a System for tests that records what it is told.
type Fake struct {
	mu        sync.Mutex
	notes     [][2]string
	picture   []byte
	autostart bool
}

// NewFake returns a system and its record; picture is on its clipboard.
func NewFake(picture []byte) (*System, *Fake) {
	f := &Fake{picture: picture}
	return &System{Notifier: f, Clipboard: f, Autostart: f, Signals: nothing{}}, f
}

// Notes are the notifications so far: title and body.
func (f *Fake) Notes() [][2]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([][2]string(nil), f.notes...)
}

// Notify implements Notifier.
func (f *Fake) Notify(title, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.notes = append(f.notes, [2]string{title, body})
}

// Image implements Clipboard.
func (f *Fake) Image(context.Context) ([]byte, error) {
	if f.picture == nil {
		return nil, ErrUnsupported
	}
	return f.picture, nil
}

// Enabled implements Autostart.
func (f *Fake) Enabled() (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.autostart, nil
}

// Set implements Autostart.
func (f *Fake) Set(on bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.autostart = on
	return nil
}
