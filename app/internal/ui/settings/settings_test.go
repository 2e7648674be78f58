package settings_test

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"github.com/nod-auth/nod/app/internal/theme"
	"github.com/nod-auth/nod/app/internal/ui/gallery"
	"github.com/nod-auth/nod/app/internal/ui/settings"
)

func TestEveryChoiceIsReported(t *testing.T) {
	test.NewTempApp(t)
	if err := gallery.Prepare(gallery.Look{}); err != nil {
		t.Fatal(err)
	}
	var told []string
	note := func(what string) func() { return func() { told = append(told, what) } }
	p := settings.New(settings.Params{
		OnLock: func(on bool) { told = append(told, fmt.Sprint("lock ", on)) }, OnMode: func(m theme.Mode) { told = append(told, "mode "+string(m)) },
		OnText: func(s float32) { told = append(told, fmt.Sprint("text ", s)) }, OnLang: note("lang"), OnDiagnostics: note("diagnostics"), OnTeach: note("teach"),
	})
	w := test.NewTempWindow(t, p)
	w.Resize(fyne.NewSize(390, 1200))
	for _, x := range []string{"Lock the app", "Dark", "Huge", "Language", "Diagnostics", "How it works, and practice"} {
		test.Tap(gallery.FindPress(p, x))
	}
	want := []string{"lock true", "mode dark", "text 2", "lang", "diagnostics", "teach"}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if gallery.Shows(p, "Start when") || gallery.Shows(p, "Notify me") || gallery.Shows(p, "Change the PIN") {
		t.Error("a row without a function is shown")
	}
}
