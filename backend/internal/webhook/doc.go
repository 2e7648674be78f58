// Package webhook signs and sends events to an integrator's endpoint, after Standard Webhooks 1.0.
//
// It owns: keys and their text forms, the signature over "id.timestamp.body", verification with a tolerance of five
// minutes, the overlap while a key is rotated, one attempt over the guarded client (T21), and the retry schedule as a
// pure function. It leaves to others: which events there are, the outbox they are written to, and where endpoints and
// their keys are stored (sealed).
//
// Invariants:
//   - Every endpoint has a key of its own, Ed25519 unless the integrator asks for a shared secret (T22).
//   - Whatever is sent again has the same id, and a fresh timestamp and signature.
//   - A 410 disables the endpoint. A redirect is a failure.
//   - Keys are never printed: only [Key.Reveal] shows one.
package webhook
