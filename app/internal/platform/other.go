//go:build !linux || android

package platform

// New returns what this system gives so far: notifications by the toolkit.
func New(p Params) *System {
	return &System{Notifier: sender(p.Send), Clipboard: nothing{}, Autostart: autostart(p), Signals: nothing{}}
}

// HasTray tells whether something shows tray icons: these systems always do.
func HasTray() bool { return true }

// sender is a Notifier by the toolkit.
type sender func(title, body string)

// Notify implements Notifier.
func (s sender) Notify(title, body string) {
	if s != nil {
		s(title, body)
	}
}
