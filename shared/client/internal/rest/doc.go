// Package rest is how Nod's clients speak HTTP.
//
// It owns: which addresses may be called (https, and plain http to loopback only), no redirects, time limits, caps on
// answers, problem documents (RFC 9457), and what the server's clock says. It leaves to others: credentials, retries
// and the meaning of answers.
//
// Invariants: a credential is sent to the configured address and nowhere else; an answer that is not Nod's (a captive
// portal, a proxy's error page) is an error and is never read as one of Nod's; nothing is read without a cap.
package rest
