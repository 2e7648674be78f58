package gallery

import (
	"time"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/account"
	"github.com/nod-auth/nod/app/internal/ui/activity"
	"github.com/nod-auth/nod/app/internal/ui/enroll"
	"github.com/nod-auth/nod/app/internal/ui/firstrun"
	"github.com/nod-auth/nod/app/internal/ui/lock"
	"github.com/nod-auth/nod/app/internal/ui/notice"
	"github.com/nod-auth/nod/app/internal/ui/settings"
	"github.com/nod-auth/nod/app/internal/ui/shell"
)

func enrollScenes() []Scene {
	code := func(state enroll.CodeState) func() fyne.CanvasObject {
		return func() fyne.CanvasObject {
			return enroll.NewCode(enroll.CodeParams{Who: bank, Code: "738204", State: state, Server: "auth.example.com", OnCancel: nothing, OnAgain: nothing})
		}
	}
	add := func(problem string) func() fyne.CanvasObject {
		return func() fyne.CanvasObject {
			return enroll.NewAdd(enroll.AddParams{Scheme: "nod", OnPaste: nothing, OnOpenImage: nothing, OnText: nothingID, OnCancel: nothing, Problem: problem})
		}
	}
	confirm := func(p enroll.ConfirmParams) func() fyne.CanvasObject {
		return func() fyne.CanvasObject {
			p.OnAdd, p.OnCancel = nothing, nothing
			return enroll.NewConfirm(p)
		}
	}
	return []Scene{
		{Name: "add", Main: true, Wide: true, Make: add("")},
		{Name: "add-problem", Make: add("This is not an invitation. It should begin with nod://enroll.")},
		{Name: "confirm", Main: true, Wide: true, Make: confirm(enroll.ConfirmParams{Who: bank, Server: "auth.example.com", Key: "Made on this device, kept in its TPM"})},
		{Name: "confirm-weak", Make: confirm(enroll.ConfirmParams{
			Who: long, Server: "authentifizierung.wirtschaftspruefung.example:8443", Key: "Made on this device, kept in a file behind your passphrase",
			Weak: "This computer has no chip that could keep the key. Somebody who takes the computer and your passphrase could use it.",
		})},
		{Name: "code", Main: true, Wide: true, Make: code(enroll.WaitCode)},
		{Name: "code-approval", Make: code(enroll.WaitApproval)},
		{Name: "code-failed", Make: code(enroll.CodeFailed)},
	}
}

func firstScenes() []Scene {
	page := func(n int) func() fyne.CanvasObject {
		return func() fyne.CanvasObject {
			return firstrun.New(firstrun.Params{AppName: "Nod", Icon: brandIcon(), Page: n, OnPractice: nothing, OnDone: nothing})
		}
	}
	return []Scene{
		{Name: "first-1", Main: true, Wide: true, Make: page(0)},
		{Name: "first-2", Wide: true, Make: page(1)},
		{Name: "first-3", Wide: true, Make: page(2)},
		{Name: "first-practice", Make: func() fyne.CanvasObject { return NewPrompt(firstrun.Practice("Nod", Now), "2") }},
	}
}

func days() []activity.Day {
	return []activity.Day{
		{Name: "TODAY", Entries: []activity.Entry{
			{ID: "1", Title: "Example Bank · Sign-in", Sub: "Porto · 14:02 · number matched", Status: activity.Approved},
			{ID: "2", Title: "Example Bank · Sign-in", Sub: "Unknown place · 03:11", Status: activity.Reported},
			{ID: "3", Title: "Northwind VPN · Connect", Sub: "Lisbon · 09:40", Status: activity.Expired},
		}},
		{Name: "YESTERDAY", Entries: []activity.Entry{
			{ID: "4", Title: "Contoso Payroll · Payment €\u00a01\u202f250.00", Sub: "Lisbon · 17:20 · fingerprint", Status: activity.Approved},
			{ID: "5", Title: "Northwind VPN · Connect", Sub: "Porto · 08:55 · wrong request", Status: activity.Denied},
		}},
	}
}

func placeScenes() []Scene {
	inPlace := func(place shell.Place, page func() fyne.CanvasObject) func() fyne.CanvasObject {
		return func() fyne.CanvasObject { return frame(place, accounts(false), "", page(), nil) }
	}
	return []Scene{
		{Name: "activity", Main: true, Wide: true, Make: inPlace(shell.Activity, func() fyne.CanvasObject { return activity.New(activity.Params{Days: days()}) })},
		{Name: "activity-empty", Make: inPlace(shell.Activity, func() fyne.CanvasObject { return activity.New(activity.Params{}) })},
		{Name: "account", Main: true, Wide: true, Make: func() fyne.CanvasObject {
			return frame(shell.Inside, accounts(false), "b", newAccount(false), nil)
		}},
		{Name: "account-stronger", Make: func() fyne.CanvasObject { return frame(shell.Inside, accounts(false), "a", newAccount(true), nil) }},
		{Name: "account-remove", Wide: true, Make: func() fyne.CanvasObject {
			return frame(shell.Inside, accounts(false), "a", account.NewRemove(account.RemoveParams{Who: bank, LastOne: true, OnRemove: nothing, OnKeep: nothing}), nil)
		}},
		{Name: "settings", Main: true, Wide: true, Make: inPlace(shell.Settings, newSettings)},
		{Name: "settings-language", Make: inPlace(shell.Inside, func() fyne.CanvasObject {
			return settings.NewLanguage("pt", nothingID, nothing)
		})},
		{Name: "diagnostics", Main: true, Wide: true, Make: inPlace(shell.Inside, newDiagnostics)},
	}
}

func newAccount(weak bool) fyne.CanvasObject {
	p := account.Params{
		Who: vpn, Server: "vpn.northwind.example", DeviceName: "Ada's laptop", KeyLevel: "In the TPM", KeyStrong: true,
		LastUsed: "Today, 09:40", Added: "12 January 2026", Code: "482915", Left: 18 * time.Second, Period: 30 * time.Second,
		Devices:  []account.Device{{Name: "Pixel 9", Sub: "Last used yesterday", Phone: true}},
		OnRotate: nothing, OnRename: nothing, OnCopy: nothing, OnRemove: nothing, OnBack: nothing,
	}
	if weak {
		p.Who, p.Code, p.KeyLevel, p.KeyStrong = bank, "", "Behind your passphrase", false
		p.Stronger = "This computer now has a TPM. A key made there can never be copied."
		p.Problem, p.ProblemAction, p.OnProblem = "This device must be confirmed on the page that invited it.", "Show the code", nothing
	}
	return account.New(p)
}

func newSettings() fyne.CanvasObject {
	yes := func(bool) {}
	return settings.New(settings.Params{
		Lock: true, OnLock: yes, LockSub: "PIN, after 5 minutes", OnPIN: nothing, Mode: theme.ModeSystem, OnMode: func(theme.Mode) {},
		Text: 1, OnText: func(float32) {}, OnLang: nothing, Notify: true, OnNotify: yes, OnAutostart: yes,
		OnTeach: nothing, OnDiagnostics: nothing, OnLicenses: nothing, Version: "Nod 1.0.0",
	})
}

func newDiagnostics() fyne.CanvasObject {
	return settings.NewDiagnostics(settings.DiagnosticsParams{
		Parts: []settings.Part{
			{Title: "EXAMPLE BANK", Lines: []settings.Line{
				{Icon: resource.IconServer, Label: "Server", Value: "Reachable", Health: settings.Good},
				{Icon: resource.IconNetwork, Label: "Stream", Value: "Open for 12 min", Health: settings.Good},
				{Icon: resource.IconBell, Label: "Last wake-up", Value: "14:02, by stream"},
				{Icon: resource.IconKey, Label: "Key", Value: "TPM", Health: settings.Good},
			}},
			{Title: "NORTHWIND VPN", Lines: []settings.Line{
				{Icon: resource.IconServer, Label: "Server", Value: "Not reachable since 13:40", Health: settings.Bad},
				{Icon: resource.IconClock, Label: "Clock", Value: "4 min fast", Health: settings.Doubtful},
			}},
			{Title: "APP", Lines: []settings.Line{{Icon: resource.IconInfo, Label: "Version", Value: "1.0.0 on Linux"}}},
		},
		OnCopy: nothing, OnBack: nothing,
	})
}

func lockScenes() []Scene {
	make := func(p lock.Params, typed string) func() fyne.CanvasObject {
		return func() fyne.CanvasObject {
			p.OnDone = nothingID
			l, err := lock.New(p)
			if err != nil {
				panic(err)
			}
			for _, r := range typed {
				l.TypedRune(r)
			}
			return l
		}
	}
	return []Scene{
		{Name: "lock", Main: true, Wide: true, Make: make(lock.Params{Purpose: lock.Unlock, Digits: 6, OnForgot: nothing}, "123")},
		{Name: "lock-wrong", Make: make(lock.Params{Purpose: lock.Approve, Subject: "Example Bank", Digits: 6, Problem: "That was not the PIN. 7 tries are left.", OnCancel: nothing}, "")},
		{Name: "lock-choose", Make: make(lock.Params{Purpose: lock.Choose, Digits: 6, OnCancel: nothing}, "")},
		{Name: "lock-passphrase", Make: make(lock.Params{Purpose: lock.Unlock, OnForgot: nothing}, "")},
		{Name: "error", Main: true, Wide: true, Make: func() fyne.CanvasObject {
			return notice.New(notice.Params{
				Icon: resource.IconOffline, Title: "The server cannot be reached", Lead: "Nothing was lost. Check your connection and try again.",
				Action: "Try again", OnAction: nothing, Other: "Diagnostics", OnOther: nothing, RequestID: "req_7Yk2Qd",
			})
		}},
		{Name: "wait", Make: func() fyne.CanvasObject {
			return notice.NewWait("Making your key", "The chip takes a second or two.", nothing)
		}},
	}
}

// brandIcon is the icon of the brand that is built in.
func brandIcon() fyne.Resource {
	b, err := resource.LoadBrand()
	if err != nil {
		panic(err)
	}
	icon, err := resource.BrandIcon(b)
	if err != nil {
		panic(err)
	}
	return icon
}
