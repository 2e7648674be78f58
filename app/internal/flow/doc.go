// Package flow is what the app does: it binds the inbox, the device core, the
// keys and the system to the screens, and moves from one to the next.
//
// It owns the way through the app (which page when), the words for errors, and
// the person's choices. It leaves to others: how pages look (ui), what is true
// (inbox, mobile/device), keys (mobile/keystore), and the system (platform).
//
// Invariants:
//
//   - All fields of [App] are touched on Fyne's goroutine only; work that waits
//     runs elsewhere and comes back through Params.Do.
//   - An invitation, wherever it came from, is shown and agreed to before
//     anything is contacted (T37).
//   - Nothing outside a prompt's page can approve: no notification, no tray
//     entry, no link (T16).
//   - While the app is locked nothing of a request or an account is shown.
//   - A PIN lives in a byte slice that is wiped after its one use.
package flow
