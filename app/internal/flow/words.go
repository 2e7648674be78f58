package flow

import (
	"embed"
	"fmt"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"github.com/nod-auth/nod/app/internal/resource"
	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// The texts that depend on what the app does, beside those of the screens
// (package resource): errors, key levels, risks, dates.
//
//go:embed texts/*.json
var texts embed.FS

// LoadTexts loads the app's texts and the screens' in a language of
// resource.Languages, or in the system's for "".
func LoadTexts(tag string) error {
	if err := resource.LoadTexts(tag); err != nil {
		return err
	}
	if err := lang.AddTranslationsFS(texts, "texts"); err != nil {
		return fmt.Errorf("load texts: %w", err)
	}
	if tag == "" {
		return nil
	}
	data, err := texts.ReadFile("texts/" + tag + ".json")
	if err != nil {
		return fmt.Errorf("load texts: no language %q", tag)
	}
	here := fyne.Locale(lang.SystemLocale().LanguageString()) // as resource.LoadTexts does
	if err := lang.AddTranslationsForLocale(data, here); err != nil {
		return fmt.Errorf("load texts: %w", err)
	}
	return nil
}

func text(key string, data ...map[string]any) string { return resource.Text(key, data...) }

// textOr is text for a key that may not exist.
func textOr(key, other string) string { return lang.X(key, other) }

// strong tells whether a key of this level cannot be copied off the device.
func strong(l protocol.KeyLevel) bool {
	switch l {
	case protocol.LevelStrongBox, protocol.LevelSecureEnclave, protocol.LevelTEE, protocol.LevelTPM:
		return true
	default:
		return false
	}
}

func levelName(l protocol.KeyLevel) string { return textOr("level."+string(l), string(l)) }

// riskName words a risk reason: "new city". A code of a newer server is shown
// as it is, with spaces.
func riskName(code string) string {
	return textOr("risk."+code, strings.ReplaceAll(code, "_", " "))
}

// when words a moment of the past: "Today, 14:02".
func when(t, now time.Time) string {
	t, now = t.Local(), now.Local()
	clock := t.Format("15:04")
	switch days := dayNumber(now) - dayNumber(t); days {
	case 0:
		return text("when.today", map[string]any{"Time": clock})
	case 1:
		return text("when.yesterday", map[string]any{"Time": clock})
	}
	return t.Format("2006-01-02") + ", " + clock
}

func dayNumber(t time.Time) int {
	y, m, d := t.Date()
	return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// asks tells whether the store wants a PIN from the app.
func asks(v keystore.UserVerification) bool { return v != keystore.VerifyByPlatform }
