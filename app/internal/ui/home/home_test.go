package home_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/ui/home"
	"github.com/nod-auth/nod/app/internal/widgets"
)

func newHome(t *testing.T, p home.Params) *home.Home {
	t.Helper()
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	p.AppName = "Nod"
	h := home.New(p)
	w := test.NewTempWindow(t, h)
	w.Resize(gallery.NarrowSize)
	return h
}

func TestHomeTellsWhatWasTapped(t *testing.T) {
	var taps []string
	tap := func(kind string) func(string) { return func(id string) { taps = append(taps, kind+id) } }
	h := newHome(t, home.Params{
		Accounts: []home.Account{{ID: "a", Who: widgets.Who{Company: "Example Bank", User: "ada"}}},
		Requests: []home.Open{{ID: "r", Who: widgets.Who{Company: "Example Bank"}, Title: "Sign-in", ExpiresAt: gallery.Now.Add(time.Minute)}},
		Now:      func() time.Time { return gallery.Now }, OnAccount: tap("account "), OnRequest: tap("request "), OnAdd: func() { taps = append(taps, "add") },
	})
	test.Tap(gallery.FindPress(h, "Example Bank is asking"))
	test.Tap(gallery.FindPress(h, "ada"))
	if len(taps) != 2 || taps[0] != "request r" || taps[1] != "account a" {
		t.Errorf("taps = %v", taps)
	}
}

func TestTheBannerCountsDownAndCodesChange(t *testing.T) {
	now := gallery.Now
	h := newHome(t, home.Params{
		Accounts: []home.Account{{ID: "a", Who: widgets.Who{Company: "VPN"}, Code: "111111", Left: 3 * time.Second, Period: 30 * time.Second}},
		Requests: []home.Open{{ID: "r", Who: widgets.Who{Company: "Bank"}, Title: "Sign-in", ExpiresAt: now.Add(65 * time.Second)}},
		Now:      func() time.Time { return now },
	})
	if !h.Ticks() || !gallery.Shows(h, "65 s left") {
		t.Fatalf("texts = %q", gallery.Texts(h))
	}
	now = now.Add(2 * time.Second)
	h.Tick(now)
	h.SetCode("a", "482915", 29*time.Second)
	h.SetCode("nobody", "000000", 0)
	if !gallery.Shows(h, "63 s left") || !gallery.Shows(h, "8") {
		t.Errorf("texts = %q", gallery.Texts(h))
	}
	now = now.Add(time.Hour)
	h.Tick(now)
	if !gallery.Shows(h, "0 s left") {
		t.Errorf("after expiry: %q", gallery.Texts(h))
	}
}

func TestAHomeOnWhichNothingMovesDoesNotTick(t *testing.T) {
	h := newHome(t, home.Params{Accounts: []home.Account{{ID: "a", Who: widgets.Who{Company: "Bank"}}}, Now: time.Now})
	if h.Ticks() {
		t.Error("it wants the clock")
	}
}

func TestAnEmptyHomeHasOneSentenceAndOneButton(t *testing.T) {
	added := 0
	h := newHome(t, home.Params{Now: time.Now, OnAdd: func() { added++ }})
	test.Tap(gallery.FindButton(h, "Add an account"))
	if added != 1 {
		t.Errorf("added %d times", added)
	}
}
