package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"github.com/nod-auth/nod/app/internal/flow"
	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/mobile/device"
)

// window is the app's window, its tray icon and what moves them.
type window struct {
	p      *parts
	app    fyne.App
	win    fyne.Window
	flow   *flow.App
	system *platform.System
	tray   desktop.App // nil: there is none to see
	icons  [2]fyne.Resource
	shown  bool
	doze   *doze
}

func newWindow(ctx context.Context, stop func(), a fyne.App, p *parts) (*window, error) {
	w := &window{p: p, app: a, doze: newDoze()}
	if err := p.look(a, p.prefs); err != nil {
		return nil, err
	}
	icon, err := resource.BrandIcon(p.brand)
	if err != nil {
		return nil, err
	}
	a.SetIcon(icon)
	w.win = a.NewWindow(p.brand.Name)
	w.win.SetMaster()
	w.win.SetPadded(false)
	w.win.Resize(p.windowSize())
	self, _ := os.Executable()
	w.system = platform.New(platform.Params{
		Name: p.brand.Name, ID: p.brand.AppID, Command: []string{self, "--hidden"},
		Send: func(title, body string) { a.SendNotification(fyne.NewNotification(title, body)) },
		Open: func() { w.doze.do(w.raise) },
	})
	if err := platform.RegisterScheme(p.brand.Scheme, p.brand.Name, []string{self}); err != nil {
		p.log.WarnContext(ctx, "links of the browser are not taken", "error", err)
	}
	w.flow, err = flow.New(flow.Params{
		Context: ctx, App: a, Window: w.win, Core: p.core, Inbox: p.inbox, Keys: p.keys, Guard: p.guard, Prefs: p.prefs,
		System: w.system, Brand: p.brand, Version: version, Do: w.doze.do, Raise: w.raise, Asking: w.asking,
		Look: func(prefs *flow.Prefs) error { return p.look(a, prefs) }, Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	if err := w.makeTray(); err != nil {
		return nil, err
	}
	closing := func() {
		if w.tray == nil {
			stop()
			return
		}
		w.hide()
	}
	w.win.SetCloseIntercept(closing)
	for key, do := range map[fyne.KeyName]func(){fyne.KeyW: closing, fyne.KeyQ: stop} {
		w.win.Canvas().AddShortcut(&desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierShortcutDefault}, func(fyne.Shortcut) { do() })
	}
	return w, nil
}

func (p *parts) windowSize() fyne.Size {
	size := desktopSize
	if p.mobile {
		size = phoneSize
	}
	var width, height float32
	if n, _ := fmt.Sscanf(p.size, "%fx%f", &width, &height); n == 2 {
		size = fyne.NewSize(width, height)
	}
	return size
}

// open starts the flow and shows the window, unless it is to stay in the tray.
func (w *window) open() {
	w.app.Lifecycle().SetOnStarted(func() {
		w.flow.Start()
		if !w.p.hidden || w.tray == nil {
			w.raise()
		} else {
			w.hide()
		}
		if w.p.invite != "" {
			w.flow.Link(w.p.invite)
		}
	})
	w.app.Lifecycle().SetOnEnteredForeground(func() { w.doze.do(func() { w.flow.Seen(w.shown) }) })
}

// raise puts the window before the person. A prompt on it accepts nothing for a moment.
func (w *window) raise() {
	w.shown = true
	w.doze.end()
	w.win.Show()
	w.win.RequestFocus()
	w.flow.Seen(true)
}

func (w *window) hide() {
	w.shown = false
	w.win.Hide()
	w.flow.Seen(false)
	w.doze.begin()
}

// makeTray puts the app into the tray, where there is one to see it.
func (w *window) makeTray() error {
	d, ok := w.app.(desktop.App)
	if !ok || !platform.HasTray() {
		return nil
	}
	for i, asking := range []bool{false, true} {
		icon, err := resource.TrayIcon(w.p.brand, asking)
		if err != nil {
			return err
		}
		w.icons[i] = icon
	}
	w.tray = d
	d.SetSystemTrayIcon(w.icons[0])
	quit := fyne.NewMenuItem(resource.Text("tray.quit"), w.app.Quit)
	quit.IsQuit = true
	d.SetSystemTrayMenu(fyne.NewMenu(w.p.brand.Name,
		fyne.NewMenuItem(resource.Text("tray.open", map[string]any{"App": w.p.brand.Name}), w.raise), fyne.NewMenuItemSeparator(), quit))
	return nil
}

// asking shows in the tray whether a request waits.
func (w *window) asking(count int) {
	if w.tray == nil {
		return
	}
	icon := w.icons[0]
	if count > 0 {
		icon = w.icons[1]
	}
	w.tray.SetSystemTrayIcon(icon)
}

// explain shows why the profile cannot be opened, with a way out where there is
// one: the previous good copy of a damaged list of accounts.
func explain(a fyne.App, p *parts, cause error) error {
	p.log.Error("profile not opened", "error", cause)
	if p.look(a, p.prefs) != nil {
		return cause
	}
	win := a.NewWindow(p.brand.Name)
	win.SetPadded(false)
	win.Resize(p.windowSize())
	page := notice.Params{Title: resource.Text("fail.title"), Lead: flow.Problem(cause), Action: resource.Text("fail.close"), OnAction: a.Quit}
	var state *device.StateError
	if errors.As(cause, &state) && state.Backup != "" {
		page.Other, page.OnOther = resource.Text("fail.use_backup"), func() {
			if err := p.restore(); err != nil {
				p.log.Error("backup not used", "error", err)
			}
			a.Quit() // the next start finds it
		}
	}
	win.SetContent(notice.New(page))
	win.ShowAndRun()
	return cause
}

// restore goes on from the previous copy of the list of accounts.
func (p *parts) restore() error {
	core, err := device.Open(context.Background(), device.Params{Dir: p.profile, Platform: systemName(), Scheme: p.brand.Scheme, UseBackup: true})
	if err != nil {
		return err
	}
	return core.Close()
}
