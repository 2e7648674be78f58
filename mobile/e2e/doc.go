// Package e2e drives the real server binary with the device core over HTTP: real
// SQLite file, real signatures, real clock. It builds nodd and never imports it.
// There is nothing here but tests.
package e2e
