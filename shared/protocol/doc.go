// Package protocol is what the server, the device and the application must agree on byte for byte.
//
// It owns: the messages (compact JWS, RFC 7515, ES256 of RFC 7518 section 3.4 only, with an explicit "typ"
// as RFC 8725 section 3.11 asks), their size caps, their validation, signing and verifying them, key
// thumbprints (RFC 7638), the chain from a pinned root to a tenant's signing keys, the challenge hash, the
// commitment to a number, the invitation URI, and the offline check of a result with its evidence.
//
// It leaves to others: where keys live, what is stored, HTTP, time (every check takes its "now"), and every
// decision that needs state, such as "was this seen before" or "is this device active".
//
// Invariants:
//   - A message is verified over the exact bytes that were received; nothing is serialised again.
//   - Nothing of a message is looked at before its size, its shape and its signature were, except the header
//     members that choose the key. A key's role comes from the caller's record, never from the message.
//   - Members are matched to the letter and may not occur twice. A server refuses members it does not know; a
//     device accepts a challenge that has some, lists them in [Challenge.Unsupported] and must not approve it.
//   - A "crit" header is refused; "jku", "x5u", "x5c" and, outside an enrollment, "jwk" are ignored.
//
// docs/protocol.md is the normative text; testdata/vectors hold accepted and rejected messages.
// Everything here is safe for concurrent use.
package protocol
