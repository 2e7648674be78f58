package keystoretest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Keyring is a gnome-keyring-daemon on a session bus of its own, for tests. The
// bus starts nothing by itself, so that nobody can show a prompt.
type Keyring struct {
	// Address is the session bus; StartBus puts it into the environment.
	Address string

	dir    string
	daemon *exec.Cmd
}

// StartBus starts a session bus without any service on it, points the test's
// environment to it and stops it with the test.
func StartBus(t *testing.T) *Keyring {
	t.Helper()
	program := Program(t, "dbus-daemon", "dbus")
	dir, err := os.MkdirTemp("", "nod-bus")
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "bus")
	config := filepath.Join(dir, "session.conf")
	text := `<busconfig><type>session</type><listen>unix:path=` + socket + `</listen><policy context="default">` +
		`<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bus := exec.Command(program, "--nofork", "--config-file="+config) //nolint:noctx // stopped below

	if err := bus.Start(); err != nil {
		t.Fatalf("start dbus-daemon: %v", err)
	}
	k := &Keyring{Address: "unix:path=" + socket, dir: dir}
	t.Cleanup(func() {
		k.Stop(t)
		_ = bus.Process.Kill()
		_ = bus.Wait()
		_ = os.RemoveAll(dir)
	})
	Eventually(t, "the bus listens", func() bool { return answers(t, socket) })
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", k.Address)
	return k
}

// Start starts the keyring daemon. With a password it unlocks the login keyring
// or makes it; without one, what is there stays locked.
func (k *Keyring) Start(t *testing.T, password string) {
	t.Helper()
	program := Program(t, "gnome-keyring-daemon", "gnome-keyring")
	args := []string{"--foreground", "--components=secrets", "--control-directory=" + filepath.Join(k.dir, "control")}
	if password != "" {
		args = append(args, "--unlock")
	}
	k.daemon = exec.Command(program, args...) //nolint:noctx // stopped by Stop
	k.daemon.Stdin = strings.NewReader(password)
	k.daemon.Env = append(os.Environ(), "HOME="+k.dir, "XDG_DATA_HOME="+filepath.Join(k.dir, "data"),
		"XDG_RUNTIME_DIR="+k.dir, "DBUS_SESSION_BUS_ADDRESS="+k.Address)
	if err := k.daemon.Start(); err != nil {
		t.Fatalf("start gnome-keyring-daemon: %v", err)
	}
	Eventually(t, "the keyring answers", func() bool {
		var alias dbus.ObjectPath
		err := k.call(t, "org.freedesktop.Secret.Service.ReadAlias", "default").Store(&alias)
		return err == nil && (password == "" || alias != "/")
	})
}

// Lock locks the default keyring, as a desktop's lock screen may.
func (k *Keyring) Lock(t *testing.T) {
	t.Helper()
	var alias, prompt dbus.ObjectPath
	if err := k.call(t, "org.freedesktop.Secret.Service.ReadAlias", "default").Store(&alias); err != nil {
		t.Fatal(err)
	}
	var locked []dbus.ObjectPath
	if err := k.call(t, "org.freedesktop.Secret.Service.Lock", []dbus.ObjectPath{alias}).Store(&locked, &prompt); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the daemon; the keyrings stay on disk.
func (k *Keyring) Stop(t *testing.T) {
	t.Helper()
	if k.daemon == nil {
		return
	}
	_ = k.daemon.Process.Kill()
	_ = k.daemon.Wait()
	k.daemon = nil
}

// Forget removes the keyrings from disk, as a person who resets them does.
func (k *Keyring) Forget(t *testing.T) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(k.dir, "data")); err != nil {
		t.Fatal(err)
	}
}

func (k *Keyring) call(t *testing.T, method string, args ...any) *dbus.Call {
	t.Helper()
	conn, err := dbus.Connect(k.Address)
	if err != nil {
		return &dbus.Call{Err: err}
	}
	defer func() { _ = conn.Close() }()
	return conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").CallWithContext(t.Context(), method, 0, args...)
}
