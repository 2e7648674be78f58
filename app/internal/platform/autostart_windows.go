package platform

import (
	"errors"
	"strings"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
)

// runKey lists what starts when the person signs in.
const runKey = `Software\Microsoft\Windows\CurrentVersion\Run`

type registryStart struct{ name, command string }

func autostart(p Params) Autostart {
	return registryStart{name: p.ID, command: commandLine(p.Command)}
}

func commandLine(parts []string) string {
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = windows.EscapeArg(part)
	}
	return strings.Join(quoted, " ")
}

// Enabled implements Autostart.
func (r registryStart) Enabled() (bool, error) {
	k, err := registry.OpenKey(registry.CURRENT_USER, runKey, registry.QUERY_VALUE)
	if err != nil {
		return false, err
	}
	defer k.Close()
	_, _, err = k.GetStringValue(r.name)
	if errors.Is(err, registry.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Set implements Autostart.
func (r registryStart) Set(on bool) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, runKey, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	if on {
		return k.SetStringValue(r.name, r.command)
	}
	if err := k.DeleteValue(r.name); !errors.Is(err, registry.ErrNotExist) {
		return err
	}
	return nil
}

// RegisterScheme makes this program open links of the scheme, for this person.
func RegisterScheme(scheme, name string, command []string) error {
	k, _, err := registry.CreateKey(registry.CURRENT_USER, `Software\Classes\`+scheme, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer k.Close()
	open, _, err := registry.CreateKey(registry.CURRENT_USER, `Software\Classes\`+scheme+`\shell\open\command`, registry.SET_VALUE)
	if err != nil {
		return err
	}
	defer open.Close()
	// The link comes as one argument; it is checked like any other outside text (T37).
	return errors.Join(k.SetStringValue("", "URL:"+name), k.SetStringValue("URL Protocol", ""), open.SetStringValue("", commandLine(command)+` "%1"`))
}
