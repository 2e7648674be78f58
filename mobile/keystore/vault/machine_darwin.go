//go:build !ios

package vault

// machineID is not read on macOS: the login keychain travels with a migration
// to a new Mac, so that a file found without its key counts as cleared.
func machineID() string { return "" }
