package device_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/device/devicetest"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

func (r *rig) path() string { return filepath.Join(r.dir, "device.json") }

func (r *rig) read() []byte {
	r.t.Helper()
	data, err := os.ReadFile(r.path())
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

func (r *rig) params() device.Params {
	return device.Params{Dir: r.dir, Stores: []keystore.Store{r.store}, Platform: "simulator", Now: r.now}
}

func TestAKillAtAnyStepOfASaveLosesNothing(t *testing.T) {
	s := devicetest.New(t)
	kills := map[string]func(*device.Core){
		"at byte 0":    func(c *device.Core) { c.KillAtByte(0) },
		"at byte 1":    func(c *device.Core) { c.KillAtByte(1) },
		"at byte 700":  func(c *device.Core) { c.KillAtByte(700) },
		"when written": func(c *device.Core) { c.KillAfter("written") },
		"when kept":    func(c *device.Core) { c.KillAfter("kept") },
		"when renamed": func(c *device.Core) { c.KillAfter("renamed") },
	}
	for name, kill := range kills {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			user := strings.ReplaceAll(name, " ", "-")
			a := r.enroll(s, user)
			id, number := s.Ask(user, nil)
			r.sync()
			c := r.one()
			kill(r.core)
			before := s.Count(devicetest.Decide)
			_, err := r.core.Decide(context.Background(), device.DecideParams{
				Account: a.ID, Challenge: id, Answer: protocol.Approve, Number: number, Verification: withPIN(pin),
			})
			if !errors.Is(err, device.ErrStateIO) || !errors.Is(err, device.ErrKilled) {
				t.Fatalf("error is %v", err)
			}
			if s.Count(devicetest.Decide) != before {
				t.Error("a decision was sent that is not on disk")
			}
			r.reopen()
			if got, ok := r.core.Account(a.ID); !ok || got.Status != device.AccountActive || got.Device != a.Device {
				t.Fatalf("the account is %+v", got)
			}
			r.sync()
			if status, _ := s.Status(id); status == protocol.StatusPending { // what was on disk is sent by Sync
				if out := r.decide(c, protocol.Approve, number); out.Kind != device.OutcomeApproved {
					t.Errorf("outcome is %+v", out)
				}
			}
			if status, _ := s.Status(id); status != protocol.StatusApproved {
				t.Errorf("the server says %s", status)
			}
		})
	}
}

func TestAKillAtEveryByteOfAFile(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	a := r.enroll(s, "ada")
	size := len(r.read())
	for n := 0; n < size; n += 1 + size/97 {
		r.core.KillAtByte(n)
		if err := r.core.Rename(context.Background(), a.ID, "Name "+protocol.RandomText(4)); !errors.Is(err, device.ErrStateIO) {
			t.Fatalf("byte %d: error is %v", n, err)
		}
		if got, _ := r.core.Account(a.ID); got.DeviceName != a.DeviceName {
			t.Fatalf("byte %d: a change that was not saved is seen", n)
		}
		r.reopen()
		if got, ok := r.core.Account(a.ID); !ok || got.DeviceName != a.DeviceName {
			t.Fatalf("byte %d: account is %+v", n, got)
		}
	}
}

func TestADamagedStateFileIsToldAndKept(t *testing.T) {
	s := devicetest.New(t)
	r := newRig(t, nil)
	a := r.enroll(s, "ada")
	good := r.read()
	if err := r.core.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data []byte
		want error
	}{
		"empty":                {nil, device.ErrStateCorrupt},
		"cut in half":          {good[:len(good)/2], device.ErrStateCorrupt},
		"cut by its last byte": {good[:len(good)-1], device.ErrStateCorrupt},
		"one letter changed":   {bytes.Replace(good, []byte("Example Bank"), []byte("Exbmple Bank"), 1), device.ErrStateCorrupt},
		"another file":         {[]byte("{\"hello\":1}\n"), device.ErrStateCorrupt},
		"of a newer version":   {bytes.Replace(good, []byte(`"nod_device_state":1`), []byte(`"nod_device_state":2`), 1), device.ErrStateNewer},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(r.path(), tc.data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := device.Open(context.Background(), r.params())
			var told *device.StateError
			if !errors.Is(err, tc.want) || !errors.As(err, &told) || told.Path != r.path() {
				t.Fatalf("error is %v", err)
			}
			if !bytes.Equal(r.read(), tc.data) {
				t.Error("the file was changed")
			}
			p := r.params()
			p.UseBackup = true
			core, err := device.Open(context.Background(), p)
			if tc.want == device.ErrStateNewer { //nolint:errorlint // the table's own value
				if !errors.Is(err, device.ErrStateNewer) {
					t.Errorf("a newer file was passed over: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = core.Close() }()
			if told.Backup == "" {
				t.Error("the previous copy is not named")
			}
			if got, ok := core.Account(a.ID); !ok || got.Device != a.Device {
				t.Errorf("account is %+v", got)
			}
			aside, err := filepath.Glob(r.path() + ".damaged-*")
			if err != nil || len(aside) == 0 {
				t.Errorf("the damaged file is gone: %v, %v", aside, err)
			}
		})
	}
}

func TestT13_GoingOnFromThePreviousCopySkipsCounters(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	r.enroll(s, "ada")
	for range 3 {
		s.Ask("ada", nil)
		r.sync()
		r.decide(r.one(), protocol.Deny, "")
	}
	if err := r.core.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.open(func(p *device.Params) { p.UseBackup = true })
	id, number := s.Ask("ada", nil)
	r.sync()
	if out := r.decide(r.one(), protocol.Approve, number); out.Kind != device.OutcomeApproved {
		t.Errorf("outcome is %+v", out)
	}
	if d := s.Decision(id); d.Counter < 60 {
		t.Errorf("counter is %d", d.Counter)
	}
}

func TestTwoProcessesDoNotShareAProfile(t *testing.T) {
	r := newRig(t, nil)
	if _, err := device.Open(context.Background(), r.params()); !errors.Is(err, device.ErrInUse) {
		t.Errorf("error is %v", err)
	}
}

func TestTheStateFileHoldsNoSecretAndIsPrivate(t *testing.T) {
	s, r := devicetest.New(t), newRig(t, nil)
	in := s.Invitation("ada")
	a, err := r.core.Enroll(context.Background(), r.enrollParams(in.URI(protocol.Scheme)))
	if err != nil {
		t.Fatal(err)
	}
	s.Confirm(a.ConfirmCode)
	r.sync()
	data := string(r.read())
	for name, secret := range map[string]string{"token": in.Token, "PIN": pin, "confirm code": a.ConfirmCode} {
		if strings.Contains(data, secret) {
			t.Errorf("the %s is in the state file", name)
		}
	}
	info, err := os.Stat(r.path())
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
}
