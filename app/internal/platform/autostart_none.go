//go:build (!linux || android) && !windows

package platform

func autostart(Params) Autostart { return nil }
