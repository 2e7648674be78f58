// Package guard calls URLs that someone else supplied: WebPush endpoints and webhooks. It is the control of T21
// (server-side request forgery).
//
// It owns: which URLs may be called at all (https, no user info, a port on the list), which addresses may be dialed,
// and how much of an answer is read. The check of the address happens at dial time on the very address that is
// dialed, so a name that resolves differently the second time gains nothing. If one address of a name is forbidden,
// the name is refused, so a mixed answer gains nothing either.
//
// It leaves to others: what is sent, how often, and what the answer means.
//
// Invariants:
//   - No redirect is followed, no proxy variable is read, no cookie is kept, no address is called without TLS 1.2.
//   - An answer's body ends with an error after [MaxBody] bytes, counted after decoding.
//   - Every refusal is [ErrRefused], every failed connection [ErrUnreachable], every lapse [ErrTimeout]. No error
//     repeats the URL, because a push endpoint is a secret, or the reason, because the one who supplied the URL must
//     not learn what is inside the network.
//
// The refused networks are those that the IANA special-purpose address registries (RFC 6890 and its updates) do not
// mark globally reachable, multicast, and every range that carries an IPv4 address inside an IPv6 one.
package guard
