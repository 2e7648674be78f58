package flow

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nod-auth/nod/app/internal/theme"
)

// Prefs are the person's choices, one small file in the profile. They hold
// nothing secret and nothing that security depends on but Lock, which can only
// make the app ask more often.
type Prefs struct {
	// Taught: the first run was seen.
	Taught bool `json:"taught"`
	// Lock asks for the PIN at the start and after some minutes.
	Lock bool `json:"lock"`
	// Mode is the theme's variant.
	Mode theme.Mode `json:"theme,omitempty"`
	// Text is the text size, 1 to 2; 0 means 1.
	Text float32 `json:"text,omitempty"`
	// Language is a tag of resource.Languages, "" for the system's.
	Language string `json:"language,omitempty"`
	// Quiet leaves notifications out. Requests raise the window all the same.
	Quiet bool `json:"quiet,omitempty"`

	path string
}

// OpenPrefs reads the choices; a missing or damaged file means none were made.
// With path "" nothing is kept.
func OpenPrefs(path string) (*Prefs, error) {
	p := &Prefs{path: path}
	if path == "" {
		return p, nil
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read the settings: %w", err)
	}
	if err := json.Unmarshal(data, p); err != nil {
		return &Prefs{path: path, Lock: true}, fmt.Errorf("read the settings: %w", err) // a damaged file opens no lock
	}
	return p, nil
}

// Save writes the choices.
func (p *Prefs) Save() error {
	if p.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p.path), 0o700); err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	next := p.path + ".new"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	if err := os.Rename(next, p.path); err != nil {
		return fmt.Errorf("save the settings: %w", err)
	}
	return nil
}
