package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/mobile/keystore/software"
	"github.com/nod-auth/nod/shared/protocol"
)

const fileMode = 0o600

// open opens keys and accounts.
func (a *app) open() error {
	params := device.Params{Model: "nodsim on " + runtime.GOOS, Platform: "simulator", AppVersion: version()}
	if a.cli.Verbose {
		params.Logger = slog.New(slog.NewTextHandler(a.stderr, nil))
	}
	if a.cli.Memory {
		a.store = software.NewSimulation()
	} else {
		store, err := a.openStore()
		if err != nil {
			return err
		}
		a.store, params.Dir = store, a.cli.State
	}
	params.Stores = []keystore.Store{a.store}
	core, err := device.Open(a.ctx, params)
	if err != nil {
		return err
	}
	a.core = core
	return a.pins.prepare(a)
}

// openStore opens the key file. Its passphrase stands beside it: the directory's
// mode is what protects a simulated device.
func (a *app) openStore() (keystore.Store, error) {
	if err := os.MkdirAll(a.cli.State, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	phrase, err := kept(filepath.Join(a.cli.State, "passphrase"))
	if err != nil {
		return nil, err
	}
	source, wipe := software.Passphrase(phrase)
	defer wipe()
	return software.Open(a.ctx, software.Params{Dir: a.cli.State, Source: source})
}

func (a *app) close() error {
	var errs []error
	if a.core != nil {
		errs = append(errs, a.core.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// kept reads a secret, or makes it.
func kept(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil && len(bytes.TrimSpace(data)) > 0 {
		return bytes.TrimSpace(data), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	secret := []byte(protocol.RandomText(16))
	return secret, os.WriteFile(path, append(secret, '\n'), fileMode)
}

// pinSource knows where the PIN comes from.
type pinSource struct {
	pin []byte // nil: ask
}

func (p *pinSource) prepare(a *app) error {
	switch {
	case a.cli.AskPin:
		return nil
	case a.cli.PinFile != "":
		data, err := os.ReadFile(a.cli.PinFile)
		if err != nil {
			return fmt.Errorf("read the PIN: %w", err)
		}
		p.pin = bytes.TrimSpace(data)
	case os.Getenv("NODSIM_PIN") != "":
		p.pin = []byte(os.Getenv("NODSIM_PIN"))
	case a.cli.Memory:
		p.pin = []byte(protocol.RandomText(16))
	default:
		pin, err := kept(filepath.Join(a.cli.State, "pin"))
		p.pin = pin
		return err
	}
	return nil
}

// get returns the PIN, asking for it if that was wanted.
func (p *pinSource) get(a *app, question string) (keystore.Verification, error) {
	if p.pin != nil {
		return keystore.Verification{PIN: p.pin}, nil
	}
	pin, err := a.askHidden(question)
	return keystore.Verification{PIN: pin}, err
}

// account finds an account by its id, user, company or host; "" finds the only one.
func (a *app) account(name string) (device.Account, error) {
	var found []device.Account
	for _, acc := range a.core.Accounts() {
		if name == "" || name == string(acc.ID) || name == acc.UserRef || name == acc.User || name == acc.Company || name == acc.Host {
			found = append(found, acc)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0 && name == "":
		return device.Account{}, errors.New("there is no account; add one with: nodsim enroll <invitation>")
	case len(found) == 0:
		return device.Account{}, fmt.Errorf("no account %q; see: nodsim list", name)
	default:
		return device.Account{}, errors.New("several accounts match; name one by its id, see: nodsim list")
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" && len(info.Main.Version) <= 40 {
		return info.Main.Version
	}
	return "devel"
}
