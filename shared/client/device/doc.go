// Package device is the HTTP client of the device API (docs/openapi.yaml, tag "device").
//
// It owns: requests and answers, the server's nonce and repeating a request once when it was stale (RFC 9449 section 8),
// proofs, the event stream with its limits, and what the server's clock says. It leaves to others: keys, the content of
// signed messages and whether to trust them (package protocol), when to try again, and opening a stream again.
//
// Invariants:
//   - https only, and plain http to loopback only; no redirect is followed (threats T12, T37).
//   - Nothing that the server sends is held without a cap, and a silent stream ends by itself.
//   - No signed message is repeated by itself except after use_dpop_nonce, and then it is signed anew.
//
// Errors are [*problem.Problem] when the server refused; anything else means that there was no answer of a Nod server.
package device
