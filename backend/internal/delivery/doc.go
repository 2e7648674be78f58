// Package delivery makes a device learn that a challenge waits for it. A push only rings the doorbell: it is
// never part of a proof, and with every channel dead, opening the app still works.
//
// # What it owns
//
//   - [Wakeup], the only thing that may leave the server over a push service, and the pure functions that build
//     each channel's payload from it.
//   - [Address], where one device is reached, and [Sender], one channel's way to reach it.
//   - [Result], the one vocabulary for what a push service answered, and [Explain], the same in plain words.
//   - [Runner], which takes jobs from an outbox and sends them: leases, back-off, breakers, time limits.
//
// # What it leaves to others
//
//   - Whether a wake-up is due at all. Budgets and cool-downs are the challenge domain's; a job that is in the
//     outbox may be sent.
//   - Writing jobs. They are written in the challenge's own transaction, so that no wake-up can precede the
//     commit and none is lost by a crash after it.
//   - The open event stream of a running app. It is served from memory, before any push, by the HTTP layer.
//   - HTTP and the push services' libraries: package apns, fcm, webpush and webhook below this one.
//
// # How a job lives
//
//	            Claim (lease)                      sent          -> finished
//	queued ----------------------> in flight ----> address dead  -> finished, address dropped
//	  ^                               |            config error  -> finished, shown to the operator
//	  |        retry, lease lapsed    |            expired       -> finished
//	  +-------------------------------+
//
// Invariants:
//
//   - Nothing about the user, the tenant, the action, the place, or the number is in a payload or a header
//     (docs/threat-model.md, T15). [Wakeup] has no field that could hold it.
//   - No notification offers Approve (T16). [Actions] is the whole list.
//   - No attempt starts after the challenge expired or became final: [Store.Claim] hands out pending challenges
//     only, and the runner plans no attempt after the expiry.
//   - While a lease holds, only its holder sends. An attempt may take at most half a lease, so a slow service
//     can't make two nodes send. A node that dies between sending and recording makes the next holder send
//     again; the collapse id then replaces the first notification instead of showing a second one.
//   - One address, one host or one channel in trouble costs only its own slots and its own [Breaker].
package delivery
