// Package config reads the server's settings: a TOML file, then the environment, then flags; the later wins.
//
// It owns: the settings, their defaults, where each came from, and every check that needs no database and no network.
// The comments of [Config]'s fields are the manual; docs/operations.md repeats them and a test holds it to that.
//
// It leaves to others: the key file, opening the database, listening.
//
// Invariants:
//   - A key that nobody knows is an error that names the line and the nearest key, in the file, in the environment
//     (NOD_*) and among the flags alike. A typo never means "the default".
//   - Every problem is reported at once, each with its remedy.
//   - Nothing is printed that is secret: see [Secret].
//
//go:generate go test . -run TestOperationsPageIsCurrent -args -update
package config
