//go:build !windows

package platform

// RegisterScheme makes this program open links of the scheme. Here the package
// does that: the menu entry on Linux, the bundle on macOS and phones.
func RegisterScheme(string, string, []string) error { return nil }
