// Package application is the Go SDK for applications: ask a user to approve, wait, and check the signed result.
//
// It owns: the application API of docs/openapi.yaml as Go calls, safe retries, the tenant's key cache, and the check of a
// result, which includes using it only once. It leaves to others: the first factor, the session that starts after an
// approval, and what the page shows.
//
// Invariants:
//   - [Client.Verify] returns no error only for an approval by the expected user of the expected transaction that was not
//     used before. Everything else is an error, also what could not be checked.
//   - The API key is sent to the configured server only, and never stands in an error.
//   - A request is sent again only when that cannot do something twice.
//
// Errors of the server are [*problem.Problem]: branch on its Code, with [problem.CodeOf].
package application
