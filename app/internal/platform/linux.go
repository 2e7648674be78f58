//go:build linux && !android

package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// New connects to nothing yet; a machine without a message bus loses only what
// needs one.
func New(p Params) *System {
	s := &System{Notifier: &notifications{p: p}, Clipboard: clipboardTools{}, Signals: busSignals{}}
	if dir, err := os.UserConfigDir(); err == nil {
		s.Autostart = desktopEntry{path: filepath.Join(dir, "autostart", p.ID+".desktop"), p: p}
	}
	return s
}

// notifications speaks org.freedesktop.Notifications (Desktop Notifications
// Specification 1.2). One notification at a time: a newer one replaces it.
type notifications struct {
	p Params

	mu   sync.Mutex
	bus  *dbus.Conn
	last uint32
}

// Notify implements Notifier.
func (n *notifications) Notify(title, body string) {
	go n.send(title, body) // a bus that hangs must not hold up the window
}

func (n *notifications) send(title, body string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bus == nil {
		if n.bus = n.connect(); n.bus == nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	hints := map[string]dbus.Variant{
		"urgency": dbus.MakeVariant(byte(1)), "category": dbus.MakeVariant("im.received"), "transient": dbus.MakeVariant(true),
		"desktop-entry": dbus.MakeVariant(n.p.ID),
	}
	// "default" is the click itself: it opens the window and answers nothing (T16).
	call := n.bus.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications").CallWithContext(ctx,
		"org.freedesktop.Notifications.Notify", 0, n.p.Name, n.last, n.p.ID, title, body, []string{"default", ""}, hints, int32(-1))
	if call.Err != nil || call.Store(&n.last) != nil {
		_ = n.bus.Close()
		n.bus, n.last = nil, 0
	}
}

func (n *notifications) connect() *dbus.Conn {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" && os.Getenv("XDG_RUNTIME_DIR") == "" {
		return nil // the library would start a bus of its own
	}
	bus, err := dbus.ConnectSessionBus()
	if err != nil {
		return nil
	}
	if err := bus.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.Notifications"), dbus.WithMatchMember("ActionInvoked")); err == nil {
		clicks := make(chan *dbus.Signal, 4)
		bus.Signal(clicks)
		go n.listen(clicks)
	}
	return bus
}

func (n *notifications) listen(clicks <-chan *dbus.Signal) {
	for s := range clicks {
		if len(s.Body) < 1 {
			continue
		}
		n.mu.Lock()
		ours := s.Body[0] == n.last
		n.mu.Unlock()
		if ours && n.p.Open != nil {
			n.p.Open()
		}
	}
}

// busSignals listens for the end of a sleep (systemd-logind) and for a changed
// network (NetworkManager) on the system bus.
type busSignals struct{}

// Watch implements Signals.
func (busSignals) Watch(ctx context.Context, wake func(reason string)) {
	bus, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	if err != nil {
		return
	}
	defer bus.Close()
	_ = bus.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.login1.Manager"), dbus.WithMatchMember("PrepareForSleep"))
	_ = bus.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.NetworkManager"), dbus.WithMatchMember("StateChanged"))
	signals := make(chan *dbus.Signal, 8)
	bus.Signal(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-signals:
			if !ok {
				return
			}
			if reason := reasonOf(s); reason != "" {
				wake(reason)
			}
		}
	}
}

// networkConnected is NM_STATE_CONNECTED_LOCAL, the least state with a network.
const networkConnected = uint32(50)

func reasonOf(s *dbus.Signal) string {
	if len(s.Body) == 0 {
		return ""
	}
	switch v := s.Body[0].(type) {
	case bool:
		if strings.HasSuffix(s.Name, ".PrepareForSleep") && !v { // false: awake again
			return "sleep"
		}
	case uint32:
		if strings.HasSuffix(s.Name, ".StateChanged") && v >= networkConnected {
			return "network"
		}
	}
	return ""
}

// clipboardTools reads pictures by the tools that desktops bring along.
type clipboardTools struct{}

// Image implements Clipboard.
func (clipboardTools) Image(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tools := [][]string{{"xclip", "-selection", "clipboard", "-target", "image/png", "-out"}}
	if os.Getenv("WAYLAND_DISPLAY") != "" {
		tools = append([][]string{{"wl-paste", "--type", "image/png"}}, tools...)
	}
	failed := ErrUnsupported
	for _, t := range tools {
		out, err := exec.CommandContext(ctx, t[0], t[1:]...).Output() // #nosec G204 -- fixed commands
		if err == nil && len(out) > 0 {
			return out, nil
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", t[0], err))
		}
	}
	return nil, failed
}

// desktopEntry is a file in the XDG autostart folder (Desktop Application
// Autostart Specification 0.5).
type desktopEntry struct {
	path string
	p    Params
}

// Enabled implements Autostart.
func (d desktopEntry) Enabled() (bool, error) {
	_, err := os.Stat(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Set implements Autostart.
func (d desktopEntry) Set(on bool) error {
	if !on {
		if err := os.Remove(d.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(d.path, []byte(d.entry()), 0o600)
}

func (d desktopEntry) entry() string {
	quoted := make([]string, len(d.p.Command))
	for i, part := range d.p.Command {
		quoted[i] = `"` + quoter.Replace(part) + `"`
	}
	return "[Desktop Entry]\nType=Application\nName=" + d.p.Name + "\nExec=" + strings.Join(quoted, " ") + "\nIcon=" + d.p.ID + "\nX-GNOME-Autostart-enabled=true\n"
}

// quoter escapes an argument of Exec (Desktop Entry Specification 1.5: once for
// the quotes, once for the string; a percent sign is doubled).
var quoter = strings.NewReplacer(`\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", `$`, `\\$`, `%`, `%%`)

// HasTray tells whether something shows tray icons (StatusNotifierItem): an icon
// that nobody shows must not be the only way back to the window.
func HasTray() bool {
	bus := (&notifications{}).connect()
	if bus == nil {
		return false
	}
	defer bus.Close()
	var owned bool
	err := bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.kde.StatusNotifierWatcher").Store(&owned)
	return err == nil && owned
}
