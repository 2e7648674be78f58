//go:build !unix

package main

// keepPrivate leaves permissions to the directory's.
func keepPrivate() {}

// lockServing has no lock to take here; run one server for each database.
func lockServing(string) (unlock func(), err error) { return func() {}, nil }
