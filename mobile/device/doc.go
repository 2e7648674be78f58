// Package device is the authenticator without a screen: accounts, their keys'
// life, challenges and decisions. The app, the simulator and the native shells
// sit on [Core] and speak no protocol themselves.
//
// It owns: the profile (one state file), enrollment against a pinned root, the
// stream of each account, verifying what a server sends, signing answers,
// replacing keys, local history and diagnostics.
//
// It leaves to others: where private keys live (package keystore), HTTP (package
// shared/client/device), the messages (package shared/protocol), and everything
// that is seen or touched.
//
// The usual way:
//
//	core, err := device.Open(ctx, device.Params{Dir: dir, Stores: stores, ...})
//	go core.Run(ctx)                             // streams, until ctx ends
//	events, cancel := core.Subscribe()           // "something changed, read again"
//	inv, err := core.Inspect(text)               // contacts nothing
//	account, err := core.Enroll(ctx, ...)        // account.ConfirmCode is to be shown
//	for range events { show(core.Accounts(), core.Pending()) }
//	outcome, err := core.Decide(ctx, ...)
//
// Invariants:
//
//   - Nothing is shown that was not signed by a key which the account's pinned
//     root names, for this device, by this server (threats T6, T12).
//   - A message that the server must take at most once (enrollment, decision,
//     key replacement) is on disk before it is sent, and is sent again byte for
//     byte when the reply was lost. A decision's counter is on disk with it and
//     is never used twice (T5, T13).
//   - A private key is deleted only after the state that no longer names it is
//     on disk, and a replaced key only after the server took its successor.
//   - Times of a server are read by that server's clock, so a device whose clock
//     is off by a day works (T42).
//   - The state file holds no private key, PIN or push secret.
//
// Everything on [Core] is safe for concurrent use.
package device
