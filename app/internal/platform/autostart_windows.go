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
	quoted := make([]string, len(p.Command))
	for i, part := range p.Command {
		quoted[i] = windows.EscapeArg(part)
	}
	return registryStart{name: p.ID, command: strings.Join(quoted, " ")}
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
