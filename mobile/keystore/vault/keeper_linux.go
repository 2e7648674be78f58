//go:build !android

package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/nod-auth/nod/mobile/keystore"
)

// Names of the freedesktop.org Secret Service API, draft 0.2.
const (
	busName         = "org.freedesktop.secrets"
	servicePath     = dbus.ObjectPath("/org/freedesktop/secrets")
	serviceIface    = "org.freedesktop.Secret.Service"
	collectionIface = "org.freedesktop.Secret.Collection"
	itemIface       = "org.freedesktop.Secret.Item"
	promptIface     = "org.freedesktop.Secret.Prompt"
	noObject        = dbus.ObjectPath("/")
)

// secretService speaks to it over a connection of its own. Secrets cross the
// bus by the "plain" session: who can watch a user's session bus can as well
// ask the service.
type secretService struct {
	application string
	conn        *dbus.Conn
	collection  dbus.ObjectPath
	session     dbus.ObjectPath
}

// secretValue is the API's Secret structure (oayays).
type secretValue struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// reach connects, finds the default collection and unlocks it.
func reach(ctx context.Context, params Params) (keeper, error) {
	address, err := sessionBus()
	if err != nil {
		return nil, err
	}
	conn, err := dbus.Connect(address)
	if err != nil {
		return nil, fmt.Errorf("%w: connect to the session bus: %w", keystore.ErrUnavailable, err)
	}
	s := &secretService{application: params.Application, conn: conn}
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// sessionBus does not let the library start a bus of its own: a keyring on a
// bus that dies with this program would lose the key.
func sessionBus() (string, error) {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" && !strings.HasPrefix(a, "autolaunch:") {
		return a, nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		socket := filepath.Join(dir, "bus")
		if _, err := os.Stat(socket); err == nil { //nolint:gosec // the person's own environment names the person's own bus
			return "unix:path=" + dbus.EscapeBusAddressValue(socket), nil
		}
	}
	return "", fmt.Errorf("%w: no session bus, so no keyring", keystore.ErrUnavailable)
}

func (s *secretService) prepare(ctx context.Context) error {
	var nothing dbus.Variant
	err := s.call(ctx, servicePath, serviceIface+".OpenSession", "plain", dbus.MakeVariant("")).Store(&nothing, &s.session)
	if err != nil {
		return explain("open session", err)
	}
	err = s.call(ctx, servicePath, serviceIface+".ReadAlias", "default").Store(&s.collection)
	if err != nil {
		return explain("find default keyring", err)
	}
	if s.collection == noObject {
		return fmt.Errorf("%w: there is no default keyring yet", keystore.ErrUnavailable)
	}
	return s.unlock(ctx, s.collection)
}

func (s *secretService) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return s.conn.Object(busName, path).CallWithContext(ctx, method, 0, args...)
}

// unlock asks for the keyring's password through the system's prompt if need be.
func (s *secretService) unlock(ctx context.Context, object dbus.ObjectPath) error {
	var done []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := s.call(ctx, servicePath, serviceIface+".Unlock", []dbus.ObjectPath{object}).Store(&done, &prompt)
	if err != nil {
		return explain("unlock keyring", err)
	}
	return s.answer(ctx, prompt)
}

// answer runs a prompt to its end; a prompt that was closed, or that nobody
// could be shown, leaves the keyring locked.
func (s *secretService) answer(ctx context.Context, prompt dbus.ObjectPath) error {
	if prompt == noObject {
		return nil
	}
	match := []dbus.MatchOption{dbus.WithMatchObjectPath(prompt), dbus.WithMatchInterface(promptIface), dbus.WithMatchMember("Completed")}
	if err := s.conn.AddMatchSignalContext(ctx, match...); err != nil {
		return explain("watch prompt", err)
	}
	signals := make(chan *dbus.Signal, 4)
	s.conn.Signal(signals)
	defer s.conn.RemoveSignal(signals)
	if err := s.call(ctx, prompt, promptIface+".Prompt", "").Err; err != nil {
		return explain("show prompt", err)
	}
	for {
		select {
		case <-ctx.Done():
			_ = s.conn.Object(busName, prompt).Call(promptIface+".Dismiss", dbus.FlagNoReplyExpected).Err
			return fmt.Errorf("%w: %w", keystore.ErrLocked, ctx.Err())
		case signal, open := <-signals:
			if !open {
				return fmt.Errorf("%w: the keyring went away", keystore.ErrUnavailable)
			}
			if signal.Path != prompt || len(signal.Body) == 0 {
				continue
			}
			if dismissed, _ := signal.Body[0].(bool); dismissed {
				return fmt.Errorf("%w: the prompt was closed", keystore.ErrLocked)
			}
			return nil
		}
	}
}

func (s *secretService) attributes(id string) map[string]string {
	return map[string]string{"application": "nod", "nod-key-file": id}
}

func (s *secretService) get(ctx context.Context, id string) ([]byte, error) {
	var unlocked, locked []dbus.ObjectPath
	err := s.call(ctx, servicePath, serviceIface+".SearchItems", s.attributes(id)).Store(&unlocked, &locked)
	if err != nil {
		return nil, explain("search keyring", err)
	}
	items := append(unlocked, locked...)
	if len(items) == 0 {
		return nil, keystore.ErrNotFound
	}
	if len(unlocked) == 0 {
		if err := s.unlock(ctx, items[0]); err != nil {
			return nil, err
		}
	}
	var v secretValue
	if err := s.call(ctx, items[0], itemIface+".GetSecret", s.session).Store(&v); err != nil {
		return nil, explain("read keyring", err)
	}
	return v.Value, nil
}

func (s *secretService) set(ctx context.Context, id string, secret []byte) error {
	properties := map[string]dbus.Variant{
		itemIface + ".Label":      dbus.MakeVariant(s.application + ": key of the key file"),
		itemIface + ".Attributes": dbus.MakeVariant(s.attributes(id)),
	}
	v := secretValue{Session: s.session, Parameters: []byte{}, Value: secret, ContentType: "application/octet-stream"}
	const replace = false // ids are random: there is nothing to replace
	var item, prompt dbus.ObjectPath
	err := s.call(ctx, s.collection, collectionIface+".CreateItem", properties, v, replace).Store(&item, &prompt)
	if err != nil {
		return explain("write keyring", err)
	}
	return s.answer(ctx, prompt)
}

func (s *secretService) close() { _ = s.conn.Close() }

// explain makes a bus error one of keystore's.
func explain(doing string, err error) error {
	var e dbus.Error
	if errors.As(err, &e) {
		switch e.Name {
		case "org.freedesktop.Secret.Error.IsLocked":
			return fmt.Errorf("%w: %s", keystore.ErrLocked, doing)
		case "org.freedesktop.Secret.Error.NoSuchObject":
			return fmt.Errorf("%w: %s", keystore.ErrNotFound, doing)
		case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
			return fmt.Errorf("%w: no keyring service is installed or running", keystore.ErrUnavailable)
		}
	}
	return fmt.Errorf("%w: %s: %w", keystore.ErrUnavailable, doing, err)
}

// machineID follows machine-id(5); the caller only keeps a hash of it.
func machineID() string {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
