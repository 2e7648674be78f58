// Package vault is the software store whose file key is kept by the operating
// system, so that no passphrase is asked: Secret Service on Linux (gnome-keyring,
// KWallet, KeePassXC), Credential Manager on Windows, Keychain on macOS.
//
// It owns the way to that service and the words for its failures. It leaves the
// file, the PIN and the keys to package software.
//
// The level is software: the service guards the file at rest and while the
// session is locked, but the keys are in this process's memory, and every
// program of the same user can ask the service for the same secret.
//
// The file and the service's secret are worthless alone. A file without its
// secret is [keystore.ErrOtherMachine] if it was made elsewhere (by a salted
// hash of the machine's id), else [keystore.ErrCleared]; it is never changed or
// replaced. software.SetAside moves it out of the way when the person gives up.
//
// The Linux way runs in tests with a real gnome-keyring. The Windows tests were
// run under Debian's Wine; the macOS way is compiled and vetted only.
package vault
