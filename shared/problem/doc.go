// Package problem is the one form of error that crosses Nod's HTTP surface: the problem document of RFC 9457,
// and the registry of its codes.
//
// It owns: the codes, and for each its HTTP status, its title and detail (safe to show), and its remedy (for the
// developer who meets it). It leaves to others: HTTP itself (it imports no HTTP package, so that domain packages can
// use it), translation for end users, and logging.
//
// Invariants:
//   - A code never changes its meaning or its status. Clients branch on codes, never on texts.
//   - A problem document holds nothing that a request carried, no secret and no cause: see [Problem.WithCause].
//
// docs/errors.md is written from the registry:
//
//go:generate go test . -run TestErrorsPageIsCurrent -args -update
package problem
