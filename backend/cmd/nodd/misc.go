package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/nod-auth/nod/backend/internal/config"
)

type migrateCmd struct{}

// Run migrates and stops.
func (migrateCmd) Run(ctx context.Context, p *program, s *settings) error {
	c, err := s.load(p)
	if err != nil {
		return err
	}
	d, err := p.openDomain(ctx, c, openMode{migrate: true})
	if err != nil {
		return err
	}
	p.printf("%s is at this program's version\n", c.Data)
	return closed(d)
}

type configCmd struct {
	Check configCheck `cmd:"" help:"Print the settings in effect, where each came from, and every problem with its remedy."`
}

type configCheck struct{}

// Run prints and checks the settings.
func (configCheck) Run(_ context.Context, p *program, s *settings) error {
	c, err := s.load(p)
	if c != nil {
		if printErr := c.Print(p.Out); printErr != nil {
			return errors.Join(err, printErr)
		}
	}
	if err != nil {
		return err
	}
	if err := checkCertificate(c.TLS); err != nil {
		return err
	}
	if c.Key == "" && exists(c.KeyPath()) {
		if _, err := p.loadKey(c, false); err != nil {
			return err
		}
	}
	warn(p, c)
	p.printf("\nThe settings are good. Devices will be told %s\n", issuer(c))
	return nil
}

// warn says what works and may not be what was meant.
func warn(p *program, c *config.Config) {
	if !exists(c.Data) {
		_, _ = fmt.Fprintf(p.Err, "nodd: the database %s does not exist yet; `nodd serve` makes it\n", c.Data)
	}
	if c.Local() || c.PublicURL == "" {
		_, _ = fmt.Fprintln(p.Err, "nodd: only this machine can reach the server\n  -> set public_url before you enroll a phone")
	}
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(p *program) error {
	p.printf("nodd %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
