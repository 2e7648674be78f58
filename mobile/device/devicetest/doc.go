// Package devicetest is a small server of the device API in memory, for tests of
// the device core, the simulator and the app. It signs and verifies with package
// protocol, like the real one, and can misbehave on demand: lose replies, keep
// its clock wrong, sign with a strange key, go back in its key sequence.
//
// It leaves out what only the real server has: storage, policy, quotas, several
// tenants. It is for tests only.
package devicetest
