//go:build !linux && !windows

package platform

func autostart(Params) Autostart { return nil }
