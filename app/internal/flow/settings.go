package flow

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/nod-auth/nod/app/internal/inbox"
	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/activity"
	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/app/internal/ui/settings"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/mobile/device"
)

// activity is the history.
func (a *App) activity() *screen {
	return &screen{name: "activity", place: shell.Activity, live: true, build: func() content {
		return content{page: activity.New(activity.Params{Days: days(a.p.Inbox.History(), a.p.Now()), OnEntry: a.openPast})}
	}}
}

func days(past []inbox.Past, now time.Time) []activity.Day {
	var out []activity.Day
	for _, p := range past {
		name := day(p.At, now)
		if len(out) == 0 || out[len(out)-1].Name != name {
			out = append(out, activity.Day{Name: name})
		}
		d := &out[len(out)-1]
		d.Entries = append(d.Entries, activity.Entry{
			ID: string(p.Challenge), Title: joined(p.Application, kindName(p.Kind, p.Title)),
			Sub: joined(p.Location, p.At.Local().Format("15:04")), Status: statusOf(p),
		})
	}
	return out
}

func statusOf(p inbox.Past) activity.Status {
	if p.Reported {
		return activity.Reported
	}
	if p.Status == "" {
		return activity.Expired // it ended unseen: the server did not say how
	}
	return activity.Status(p.Status)
}

// settings are the person's choices.
func (a *App) settings() *screen {
	return &screen{name: "settings", place: shell.Settings, build: func() content {
		prefs := a.p.Prefs
		again := func() { a.visit(a.settings()) }
		p := settings.Params{
			Mode: prefs.Mode, OnMode: func(m theme.Mode) { prefs.Mode = m; a.look(); again() },
			Text: max(prefs.Text, 1), OnText: func(size float32) { prefs.Text = size; a.look(); again() },
			Language: prefs.Language, OnLang: func() { a.visit(a.languages()) },
			Notify: !prefs.Quiet, OnNotify: func(on bool) { prefs.Quiet = !on; a.save() },
			OnTeach: func() { a.visit(a.teach(again)) }, OnDiagnostics: func() { a.visit(a.diagnostics()) },
			Version: joined(a.p.Brand.Name+" "+a.p.Version, runtime.GOOS),
		}
		if a.p.Guard.Set() {
			p.OnPIN = a.changePIN
			p.Lock, p.OnLock, p.LockSub = prefs.Lock, a.setLock, text("settings.lock.sub", map[string]any{"Minutes": int(IdleLock / time.Minute)})
		}
		if start := a.p.System.Autostart; start != nil {
			on, err := start.Enabled()
			if err == nil {
				p.Autostart, p.OnAutostart = on, func(on bool) {
					if err := start.Set(on); err != nil {
						a.p.Log.Warn("autostart not changed", "error", err)
						again()
					}
				}
			}
		}
		return content{page: settings.New(p)}
	}}
}

// setLock turns the lock on, or off after the PIN.
func (a *App) setLock(on bool) {
	set := func() {
		a.p.Prefs.Lock = on
		a.save()
		a.visit(a.settings())
	}
	if on {
		set()
		return
	}
	a.provePIN(a.visit, pinParams{purpose: "off", cancel: func() { a.visit(a.settings()) }}, func(pin []byte) {
		clear(pin)
		set()
	})
}

func (a *App) save() {
	if err := a.p.Prefs.Save(); err != nil {
		a.p.Log.Warn("settings not saved", "error", err)
	}
}

func (a *App) look() {
	a.save()
	if err := a.p.Look(a.p.Prefs); err != nil {
		a.p.Log.Warn("look not applied", "error", err)
	}
}

func (a *App) languages() *screen {
	return &screen{name: "languages", place: shell.Inside, build: func() content {
		back := func() { a.visit(a.settings()) }
		return content{page: settings.NewLanguage(a.p.Prefs.Language, func(tag string) {
			a.p.Prefs.Language = tag
			a.look()
			back()
		}, back)}
	}}
}

// diagnostics say how everything stands.
func (a *App) diagnostics() *screen {
	return &screen{name: "diagnostics", place: shell.Inside, live: true, links: true, build: func() content {
		var parts []settings.Part
		now := a.p.Now()
		for _, d := range a.p.Inbox.Diagnostics().Accounts {
			acc, _ := a.account(string(d.Account))
			parts = append(parts, settings.Part{Title: strings.ToUpper(who(acc.Account).Company), Lines: accountLines(d, now)})
		}
		parts = append(parts, settings.Part{Title: text("diagnostics.app"), Lines: a.appLines()})
		return content{page: settings.NewDiagnostics(settings.DiagnosticsParams{
			Parts: parts, OnCopy: a.copySupport, OnBack: func() { a.visit(a.settings()) },
		})}
	}}
}

// accountLines are the diagnostics of one account.
func accountLines(d device.AccountDiagnostics, now time.Time) []settings.Line {
	server := settings.Line{Icon: resource.IconServer, Label: text("diagnostics.server"), Value: text("diagnostics.untried")}
	switch {
	case d.Reachable || !d.StreamSince.IsZero():
		server.Value, server.Health = text("diagnostics.reachable"), settings.Good
	case !d.LastFailure.IsZero():
		server.Value, server.Health = text("diagnostics.unreachable", map[string]any{"Time": when(d.LastFailure, now)}), settings.Bad
	}
	stream := settings.Line{Icon: resource.IconNetwork, Label: text("diagnostics.stream"), Value: text("diagnostics.stream.none"), Health: settings.Doubtful}
	if !d.StreamSince.IsZero() {
		stream.Value, stream.Health = text("diagnostics.stream.open", map[string]any{"Time": when(d.StreamSince, now)}), settings.Good
	}
	wake := settings.Line{Icon: resource.IconBell, Label: text("diagnostics.wake"), Value: text("when.never")}
	if !d.LastWakeUp.IsZero() {
		wake.Value = text("diagnostics.wake.by", map[string]any{"Time": when(d.LastWakeUp, now), "Channel": d.WakeUpChannel})
	}
	key := settings.Line{Icon: resource.IconKey, Label: text("diagnostics.key"), Value: levelName(d.Levels.Approval), Health: settings.Doubtful}
	if strong(d.Levels.Approval) {
		key.Health = settings.Good
	}
	lines := []settings.Line{server, stream, wake, key}
	if d.ClockKnown {
		lines = append(lines, clockLine(d.ClockSkew))
	}
	if d.Refused > 0 {
		lines = append(lines, settings.Line{Icon: resource.IconWarning, Label: text("diagnostics.refused"), Value: text("diagnostics.refused.count", map[string]any{"Count": d.Refused}), Health: settings.Bad})
	}
	if d.Unsent > 0 {
		lines = append(lines, settings.Line{Icon: resource.IconOffline, Label: text("diagnostics.unsent"), Value: fmt.Sprint(d.Unsent), Health: settings.Doubtful})
	}
	return lines
}

func clockLine(skew time.Duration) settings.Line {
	line := settings.Line{Icon: resource.IconClock, Label: text("diagnostics.clock"), Value: text("diagnostics.clock.good"), Health: settings.Good}
	if skew.Abs() < inbox.SkewToTell {
		return line
	}
	key := "diagnostics.clock.fast"
	if skew < 0 {
		key = "diagnostics.clock.slow"
	}
	line.Value, line.Health = text(key, map[string]any{"Minutes": int(skew.Abs() / time.Minute)}), settings.Doubtful
	return line
}

func (a *App) appLines() []settings.Line {
	store := settings.Line{Icon: resource.IconKey, Label: text("diagnostics.store"), Value: "-", Health: settings.Doubtful}
	for _, c := range a.p.Keys.Looked() {
		if c.Taken {
			store.Value = c.Name
			if strong(c.Level) {
				store.Health = settings.Good
			}
		}
	}
	return []settings.Line{{Icon: resource.IconInfo, Label: text("diagnostics.version"), Value: joined(a.p.Version, runtime.GOOS)}, store}
}

// copySupport puts the diagnostics on the clipboard, without names or secrets.
func (a *App) copySupport() {
	var about []string
	for _, c := range a.p.Keys.Looked() {
		line := "store " + c.Name + " " + string(c.Level)
		if c.Taken {
			line += " taken"
		} else if c.Reason != nil {
			line += ": " + c.Reason.Error()
		}
		about = append(about, line)
	}
	a.p.App.Clipboard().SetContent(a.p.Inbox.Support(about...))
}

// openPast offers "it was not me" for a request of the last day.
func (a *App) openPast(id string) {
	for _, p := range a.p.Inbox.History() {
		if string(p.Challenge) == id && p.Reportable && !p.Reported {
			a.visit(a.past(p))
			return
		}
	}
}

func (a *App) past(p inbox.Past) *screen {
	back := func() { a.visit(a.activity()) }
	return &screen{name: "past", place: shell.Inside, build: func() content {
		page := notice.New(notice.Params{
			Icon: resource.IconClock, Title: joined(p.Application, kindName(p.Kind, p.Title)),
			Lead:   joined(p.Location, p.Browser, p.IP, when(p.At, a.p.Now())),
			Action: text("deny.not_me"), OnAction: func() { a.reportPast(p, back) }, Other: text("back"), OnOther: back,
		})
		return content{page: page, keys: escapeOnly{page, back}}
	}}
}

// reportPast sends "it was not me" for a request of the history.
func (a *App) reportPast(p inbox.Past, then func()) {
	a.visit(a.wait(nil))
	var out device.Outcome
	a.work(func(ctx context.Context) (err error) {
		out, err = a.p.Inbox.Report(ctx, p.Account, p.Challenge)
		return err
	}, func(err error) {
		if err == nil && out.Kind == device.OutcomeOffline {
			err = device.ErrOffline
		}
		if err != nil {
			a.visit(a.failed(err, nil, then, ""))
			return
		}
		then()
	})
}
