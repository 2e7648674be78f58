package resource

import (
	"embed"
	"encoding/json"
	"fmt"
	"sort"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"
)

//go:embed translations/*.json
var translations embed.FS

// Languages lists the languages of the app by their BCP 47 tag, with the name
// each has in itself.
func Languages() []Language {
	return []Language{
		{"en", "English"}, {"de", "Deutsch"}, {"es", "Español"},
		{"fr", "Français"}, {"it", "Italiano"}, {"pt", "Português"},
	}
}

// Language is one language of the app.
type Language struct{ Tag, Name string }

// LoadTexts hands the texts of every language to Fyne, which picks the one of
// the system. With a tag of [Languages] that language is used whatever the
// system says; "" means the system's. Call it before the first screen is made.
func LoadTexts(tag string) error {
	if err := lang.AddTranslationsFS(translations, "translations"); err != nil {
		return fmt.Errorf("load texts: %w", err)
	}
	if tag == "" {
		return nil
	}
	data, err := translations.ReadFile("translations/" + tag + ".json")
	if err != nil {
		return fmt.Errorf("load texts: no language %q", tag)
	}
	// Fyne has no call that chooses a language: the chosen texts are filed under
	// the language of the system's locale instead.
	here := fyne.Locale(lang.SystemLocale().LanguageString())
	if err := lang.AddTranslationsForLocale(data, here); err != nil {
		return fmt.Errorf("load texts: %w", err)
	}
	return nil
}

// Text returns the text of a key in the language in force. Data fills the
// fields of the text ({{.Company}}).
func Text(key string, data ...map[string]any) string {
	if len(data) > 0 {
		return lang.X(key, key, data[0])
	}
	return lang.X(key, key)
}

// Keys returns the keys of a language's texts in order.
func Keys(tag string) ([]string, error) {
	texts, err := Texts(tag)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(texts))
	for k := range texts {
		out = append(out, k)
	}
	sort.Strings(out)
	return out, nil
}

// Texts returns the texts of a language by key, fields unfilled.
func Texts(tag string) (map[string]string, error) {
	data, err := translations.ReadFile("translations/" + tag + ".json")
	if err != nil {
		return nil, fmt.Errorf("language %q: %w", tag, err)
	}
	out := map[string]string{}
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("language %q: %w", tag, err)
	}
	return out, nil
}

func marshalTexts(texts map[string]string) ([]byte, error) { return json.Marshal(texts) }
