// Package gallery lists every screen of the app in every state worth looking at,
// filled with made-up people and companies.
//
// The golden tests, the minimum-width test and the program that writes the
// pictures all draw from this one list: a screen that is not here is not tested.
package gallery

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"

	"github.com/nod-auth/nod/app/internal/ui/home"
	"github.com/nod-auth/nod/app/internal/ui/prompt"
	"github.com/nod-auth/nod/app/internal/ui/shell"
	"github.com/nod-auth/nod/app/internal/widgets"
)

// Scene is one screen in one state.
type Scene struct {
	Name string // file name without its end: "prompt-enter"
	Main bool   // has golden pictures
	Wide bool   // is looked at wide, too
	Make func() fyne.CanvasObject
}

// Now is the moment in which every scene plays.
var Now = time.Date(2026, time.March, 3, 14, 2, 0, 0, time.UTC)

func now() time.Time { return Now }

func nothing()         {}
func nothingID(string) {}

// The companies of the pictures.
var (
	bank    = widgets.Who{Company: "Example Bank", User: "ada@example.com", Color: color.NRGBA{0x0B, 0x6E, 0x6E, 0xff}}
	vpn     = widgets.Who{Company: "Northwind VPN", User: "ada", Color: color.NRGBA{0xB4, 0x54, 0x0A, 0xff}}
	payroll = widgets.Who{Company: "Contoso Payroll", User: "a.lovelace", Color: color.NRGBA{0x6D, 0x28, 0xD9, 0xff}}
	long    = widgets.Who{Company: "Vereinigte Wirtschaftsprüfungsgesellschaft Südwestdeutschland", User: "maximiliane.oberbuchhaltungsleiterin@wirtschaftspruefung.example"}
)

// Scenes returns every scene.
func Scenes() []Scene {
	var out []Scene
	out = append(out, promptScenes()...)
	out = append(out, homeScenes()...)
	out = append(out, enrollScenes()...)
	out = append(out, placeScenes()...)
	out = append(out, firstScenes()...)
	out = append(out, lockScenes()...)
	return out
}

func accounts(asking bool) []home.Account {
	return []home.Account{
		{ID: "a", Who: bank, KeyName: "key in TPM", Asking: asking},
		{ID: "b", Who: vpn, Code: "482915", Left: 18 * time.Second, Period: 30 * time.Second},
		{ID: "c", Who: payroll, Problem: "this device must be confirmed"},
	}
}

func frame(place shell.Place, accts []home.Account, current string, page, wide fyne.CanvasObject) *shell.Shell {
	return shell.New(shell.Params{
		AppName: "Nod", Accounts: accts, Current: current, Place: place, Page: page, Wide: wide,
		OnAccount: nothingID, OnAdd: nothing, OnAccounts: nothing, OnActivity: nothing, OnSettings: nothing,
	})
}

func homeOf(accts []home.Account, open []home.Open, offline string) *home.Home {
	return home.New(home.Params{
		AppName: "Nod", Accounts: accts, Requests: open, Offline: offline, Now: now,
		OnAdd: nothing, OnAccount: nothingID, OnRequest: nothingID,
	})
}

func homeScenes() []Scene {
	open := []home.Open{{ID: "r", Who: bank, Title: "Sign-in from Porto", ExpiresAt: Now.Add(65 * time.Second)}}
	calm := func(n int) fyne.CanvasObject { return home.NewCalm(n, nothing) }
	return []Scene{
		{Name: "home", Main: true, Wide: true, Make: func() fyne.CanvasObject {
			return frame(shell.Accounts, accounts(false), "", homeOf(accounts(true), open, ""), calm(3))
		}},
		{Name: "home-empty", Main: true, Wide: true, Make: func() fyne.CanvasObject {
			return frame(shell.Accounts, nil, "", homeOf(nil, nil, ""), calm(0))
		}},
		{Name: "home-offline", Make: func() fyne.CanvasObject {
			return frame(shell.Accounts, accounts(false), "", homeOf(accounts(false), nil, "Example Bank cannot be reached. Codes still work."), calm(3))
		}},
		{Name: "home-long", Make: func() fyne.CanvasObject {
			a := []home.Account{{ID: "l", Who: long, KeyName: "key in the operating system's store"}, {ID: "m", Who: long, Code: "48291537", Left: 4 * time.Second, Period: 30 * time.Second}}
			return frame(shell.Accounts, a, "", homeOf(a, nil, ""), calm(2))
		}},
	}
}

// SignIn is the request most pictures show.
func SignIn() prompt.Request {
	return prompt.Request{
		Who: bank, Kind: prompt.SignIn,
		Place:   prompt.Item{Text: "Porto, Portugal", Unusual: "new city"},
		Browser: prompt.Item{Text: "Firefox on Windows"},
		When:    prompt.Item{Text: "Today, 14:02 · just now"},
		Network: prompt.Item{Text: "203.0.113.7 · Example Telecom"},
		Match:   prompt.Enter, Digits: 2,
		ExpiresAt: Now.Add(65 * time.Second), Lifetime: 90 * time.Second,
	}
}

// NewPrompt makes a prompt that has settled, with digits already typed.
func NewPrompt(r prompt.Request, typed string) *prompt.Prompt {
	at := Now.Add(-time.Second)
	p, err := prompt.New(prompt.Params{
		Request: r, Now: func() time.Time { return at },
		Approve: func(string) {}, Deny: nothing, Report: nothing, Expired: nothing,
	})
	if err != nil {
		panic(err)
	}
	at = Now
	p.Tick(Now)
	for _, d := range typed {
		p.TypedRune(d)
	}
	return p
}

func asking(o fyne.CanvasObject) fyne.CanvasObject {
	s := frame(shell.Inside, accounts(true), "a", o, nil)
	s.SetAsking("a", 65*time.Second)
	return s
}

func promptScene(name string, main bool, typed string, change func(*prompt.Request)) Scene {
	return Scene{Name: name, Main: main, Wide: true, Make: func() fyne.CanvasObject {
		r := SignIn()
		if change != nil {
			change(&r)
		}
		return asking(NewPrompt(r, typed))
	}}
}

func promptScenes() []Scene {
	scenes := []Scene{
		promptScene("prompt-enter", true, "4", nil),
		promptScene("prompt-complete", false, "42", nil),
		promptScene("prompt-choose", true, "", func(r *prompt.Request) {
			r.Match, r.Options, r.ExpiresAt = prompt.Choose, []string{"17", "42", "86"}, Now.Add(45*time.Second)
		}),
		promptScene("prompt-compare", false, "", func(r *prompt.Request) { r.Match, r.Code = prompt.Compare, "738204" }),
		promptScene("prompt-none", false, "", func(r *prompt.Request) { r.Match = prompt.None }),
		promptScene("prompt-strict", false, "4829", func(r *prompt.Request) {
			r.Digits, r.Verification = 6, "Approve asks for your PIN."
		}),
		promptScene("prompt-payment", true, "", payment),
		promptScene("prompt-hurry", false, "", func(r *prompt.Request) { r.ExpiresAt = Now.Add(9 * time.Second) }),
		promptScene("prompt-unknown", false, "", func(r *prompt.Request) { r.Unknown = []string{"x_seal"} }),
		promptScene("prompt-practice", false, "", func(r *prompt.Request) { r.Practice = true }),
		promptScene("prompt-long", false, "", func(r *prompt.Request) {
			r.Who, r.Kind = long, "other"
			r.Title = "Donaudampfschifffahrtsgesellschaftskapitänspatent verlängern?"
			r.Message = "The application wrote a rather long sentence here, to see whether it wraps and whether the buttons stay where they are."
			r.Place.Unusual = "first time from this country"
		}),
		{Name: "prompt-question", Main: true, Wide: true, Make: func() fyne.CanvasObject {
			p := NewPrompt(SignIn(), "")
			p.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
			return asking(p)
		}},
	}
	for _, r := range []prompt.Result{prompt.Approved, prompt.Denied, prompt.Reported, prompt.WrongNumber, prompt.ExpiredNow, prompt.Elsewhere, prompt.NotSent} {
		scenes = append(scenes, Scene{Name: "outcome-" + string(r), Main: r == prompt.Approved || r == prompt.Reported || r == prompt.WrongNumber, Make: func() fyne.CanvasObject {
			id := ""
			if r == prompt.NotSent {
				id = "req_7Yk2"
			}
			p := prompt.OutcomeParams{Result: r, Who: bank, Place: "Porto", Done: nothing, Retry: nothing, RequestID: id}
			if r == prompt.ExpiredNow || r == prompt.WrongNumber {
				p.Report = nothing
			}
			return asking(prompt.NewOutcome(p))
		}})
	}
	return scenes
}

func payment(r *prompt.Request) {
	*r = prompt.Request{
		Who: bank, Kind: prompt.Payment, Money: prompt.Money{Amount: "€ 1 250.00", Payee: "Harbour Boatworks Lda"},
		Details: []prompt.Detail{
			{Label: "Account", Item: prompt.Item{Text: "PT50 0002 0123 ···· ···1 54"}},
			{Label: "Reference", Item: prompt.Item{Text: "Invoice 2026-114"}, Icon: "pen"},
		},
		Place:   prompt.Item{Text: "Lisbon, Portugal · Safari on Mac"},
		Warning: "First payment to this payee. Check the account number with them, not with a caller.",
		Match:   prompt.None, Verification: "Approve asks for your fingerprint and signs exactly this.",
		ExpiresAt: Now.Add(77 * time.Second), Lifetime: 90 * time.Second,
	}
}
