// Package platform is the app's bridge to the system beyond the window:
// notifications, links from a browser, pictures on the clipboard, the start at
// sign-in, and the news that the machine slept or changed its network.
//
// It owns one file a system and a fake for tests. Each system gives what it can;
// what it cannot is nil or an error, never a pretence.
//
// Invariant: a notification's text is one of the app's own fixed sentences. No
// text of a server comes here: on Windows Fyne puts it into a script (T15).
package platform

import (
	"context"
	"errors"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/nod-auth/nod/shared/protocol"
)

// ErrUnsupported means that this system does not give it.
var ErrUnsupported = errors.New("not supported on this system")

// Notifier tells the person that something waits. Title and body are fixed texts
// of the app; a notification carries no action that answers.
type Notifier interface {
	Notify(title, body string)
}

// Clipboard reads pictures; text is Fyne's business.
type Clipboard interface {
	// Image returns the picture on the clipboard as a PNG file's bytes.
	Image(ctx context.Context) ([]byte, error)
}

// Autostart starts the app, without a window, when the person signs in.
type Autostart interface {
	Enabled() (bool, error)
	Set(on bool) error
}

// Signals tells what a connection should know of.
type Signals interface {
	// Watch calls wake after a sleep and when the network changed, until ctx ends.
	Watch(ctx context.Context, wake func(reason string))
}

// System is this machine. Autostart is nil where there is none.
type System struct {
	Notifier  Notifier
	Clipboard Clipboard
	Autostart Autostart
	Signals   Signals
}

// Params makes a [System].
type Params struct {
	// Name and ID are the brand's.
	Name, ID string
	// Command starts this program again: its path and arguments.
	Command []string
	// Send shows a notification by the toolkit, where the system has no way of its own here.
	Send func(title, body string)
	// Open is called when the person clicks on a notification.
	Open func()
}

// DeviceName is what this computer is called, 1 to 80 characters.
func DeviceName() string {
	name, err := os.Hostname()
	name, _, _ = strings.Cut(strings.TrimSpace(name), ".")
	if err != nil || protocol.CheckText("name", name, true, protocol.MaxName) != nil || utf8.RuneCountInString(name) == 0 {
		return "Computer"
	}
	return name
}

// nothing is the part of a system that is not there.
type nothing struct{}

// Image implements Clipboard.
func (nothing) Image(context.Context) ([]byte, error) { return nil, ErrUnsupported }

// Watch implements Signals.
func (nothing) Watch(context.Context, func(string)) {}
