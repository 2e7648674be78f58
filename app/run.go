package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"

	"github.com/nod-auth/nod/app/internal/flow"
	"github.com/nod-auth/nod/app/internal/guard"
	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/shared/brand"
)

// options are what the command line says.
type options struct {
	brand           brand.Brand
	profile, invite string
	size, theme     string
	text            float64
	hidden, mobile  bool
	verbose         bool
}

// The window's sizes in units: a phone's, and a desktop's first one.
var (
	phoneSize   = fyne.NewSize(390, 844)
	desktopSize = fyne.NewSize(430, 820)
)

// parts are what run puts together and takes apart again.
type parts struct {
	options
	log   *slog.Logger
	prefs *flow.Prefs
	core  *device.Core
	inbox *inbox.Inbox
	keys  *flow.Keys
	guard *guard.Guard
	links *platform.Links
	work  sync.WaitGroup
}

// run is the program: it returns when the window is gone for good.
func run(ctx context.Context, stop func(), o options) error {
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	p := &parts{options: o, log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))}
	// Set here, or a plain build would read it from whatever folder it is started in.
	app.SetMetadata(fyne.AppMetadata{ID: o.brand.AppID, Name: o.brand.Name, Version: version, Release: true, Migrations: map[string]bool{"fyneDo": true}})
	fyneApp := app.NewWithID(o.brand.AppID)
	if err := p.open(ctx); err != nil {
		return errors.Join(explain(fyneApp, p, err), p.close())
	}
	w, err := newWindow(ctx, stop, fyneApp, p)
	if err != nil {
		return errors.Join(err, p.close())
	}
	p.work.Go(func() { p.inbox.Run(ctx) })
	p.work.Go(func() { _ = p.core.Run(ctx) })
	p.work.Go(func() { w.system.Signals.Watch(ctx, func(string) { p.core.Wake("", "") }) })
	if p.links != nil {
		go p.links.Serve(func(uri string) { w.doze.do(func() { w.flow.Link(uri) }) })
	}
	go func() { <-ctx.Done(); w.doze.do(fyneApp.Quit) }()
	w.open()
	fyneApp.Run()
	stop()
	return p.close()
}

// open opens the profile; the key store follows when the window is there.
func (p *parts) open(ctx context.Context) (err error) {
	if p.prefs, err = flow.OpenPrefs(filepath.Join(p.profile, "settings.json")); err != nil {
		p.log.WarnContext(ctx, "settings not read", "error", err)
	}
	if err := flow.LoadTexts(p.prefs.Language); err != nil {
		return err
	}
	if err := resource.LoadBrandTexts(p.brand, p.prefs.Language); err != nil {
		return err
	}
	if p.links, err = platform.Listen(p.profile); err != nil {
		p.log.WarnContext(ctx, "links are not handed over", "error", err)
		p.links = nil
	}
	if p.guard, err = guard.Open(filepath.Join(p.profile, "pin.json")); err != nil {
		return err
	}
	params := device.Params{
		Dir: p.profile, Model: runtime.GOARCH + " computer", Platform: systemName(), AppVersion: version,
		Scheme: p.brand.Scheme, Hosts: p.brand.Hosts, Logger: p.log,
	}
	if p.core, err = device.Open(ctx, params); err != nil {
		return err
	}
	p.keys = flow.NewKeys(flow.KeysParams{
		Dir: filepath.Join(p.profile, "keys"), Application: p.brand.Name, TPMDevice: os.Getenv("NOD_TPM_DEVICE"), Core: p.core,
	})
	p.inbox, err = inbox.New(inbox.Params{Core: p.core})
	return err
}

// closeTime is how long the end may take: a stream that does not let go must not
// keep the program.
const closeTime = 3 * time.Second

func (p *parts) close() error {
	var errs []error
	if p.links != nil {
		errs = append(errs, p.links.Close())
	}
	ended := make(chan struct{})
	go func() { p.work.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(closeTime):
		p.log.Warn("not everything ended in time")
	}
	if p.core != nil {
		errs = append(errs, p.core.Close())
	}
	if p.keys != nil {
		errs = append(errs, p.keys.Close())
	}
	return errors.Join(errs...)
}

// look applies the choices, or what the command line says instead.
func (p *parts) look(a fyne.App, prefs *flow.Prefs) error {
	accent, err := accentOf(p.brand)
	if err != nil {
		return err
	}
	params := theme.Params{Accent: accent, Mode: prefs.Mode, TextScale: prefs.Text}
	if p.theme != "" {
		params.Mode = theme.Mode(p.theme)
	}
	if p.text != 0 {
		params.TextScale = float32(p.text)
	}
	t, err := theme.New(params)
	if err != nil {
		return err
	}
	if err := flow.LoadTexts(prefs.Language); err != nil {
		return err
	}
	a.Settings().SetTheme(t)
	return nil
}

func accentOf(b brand.Brand) (theme.Accent, error) {
	light, err := theme.Hex(b.Accent)
	if err != nil {
		return theme.Accent{}, fmt.Errorf("brand: %w", err)
	}
	out := theme.Accent{Light: light}
	if b.AccentDark != "" {
		dark, err := theme.Hex(b.AccentDark)
		if err != nil {
			return theme.Accent{}, fmt.Errorf("brand: %w", err)
		}
		out.Dark = dark
	}
	return out, nil
}

// systemName is this system in the protocol's words.
func systemName() string {
	if runtime.GOOS == "darwin" {
		return "macos"
	}
	return runtime.GOOS
}
