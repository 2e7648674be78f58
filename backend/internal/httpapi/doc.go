// Package httpapi is the HTTP edge of the server: it turns requests into calls of the domain packages and their answers
// into responses.
//
// It owns: routing and the seam around the router (echo.go alone knows it), authentication (API keys with scopes,
// browser tokens, device proofs after RFC 9449 with a rolling nonce), validation against docs/openapi.yaml, size caps,
// problem documents (RFC 9457), long polls, server-sent events, and the operations endpoints.
//
// It leaves to others: every rule about enrollments, challenges, users and devices; verification of signed bodies beyond
// the device proof; listening, TLS and signals (cmd/nodd).
//
// The way of a request: request id, headers, recover -> route -> credential -> size cap -> shape -> handler. Nothing of a
// body is read before the caller is known, except where the body is itself the credential.
//
// Invariants:
//   - Before a valid credential there is one answer: unauthorized, or device_unauthorized to a device.
//   - Every error leaves as a problem document through one function, which logs the cause once.
//   - No secret, no body, no query and no path is logged; the route's name is.
//   - When the server stops, every open wait and stream ends at once with a clear word.
package httpapi
