package main

import (
	"sync/atomic"
	"time"

	"fyne.io/fyne/v2"
)

// nap is how long Fyne's goroutine sleeps at a time while no window is seen.
const nap = 400 * time.Millisecond

// doze slows Fyne's loop down while the window is hidden: it polls sixty times a
// second otherwise, for nobody. Whatever is done through do wakes it at once; a
// click in the tray waits one nap at most.
type doze struct {
	hidden atomic.Bool
	wake   chan struct{}
}

func newDoze() *doze { return &doze{wake: make(chan struct{}, 1)} }

// do runs f on Fyne's goroutine.
func (d *doze) do(f func()) {
	fyne.Do(f)
	d.rouse() // after it, or another nap could come first
}

func (d *doze) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// begin starts to nap; it may be called on Fyne's goroutine.
func (d *doze) begin() {
	if d.hidden.Swap(true) {
		return
	}
	go func() {
		for d.hidden.Load() {
			fyne.DoAndWait(d.sleep)
		}
	}()
}

// end wakes up for good.
func (d *doze) end() {
	d.hidden.Store(false)
	d.rouse()
}

func (d *doze) sleep() {
	if !d.hidden.Load() {
		return
	}
	late := time.NewTimer(nap)
	defer late.Stop()
	select {
	case <-d.wake:
	case <-late.C:
	}
}
