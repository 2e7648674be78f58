// Package challenge owns the life of a challenge: it is created, signed once, answered at most once, and turned into a
// signed result.
//
//	                    approve, right number
//	           .--------------------------------> approved
//	           |        approve, wrong number
//	           |--------------------------------> failed
//	           |        deny
//	pending ---|--------------------------------> denied
//	           |        report ("it was not me")
//	           |--------------------------------> reported
//	           |        time
//	           |--------------------------------> expired
//	           |        the application; a factor was changed; a restore
//	           |--------------------------------> canceled
//	           |        a newer one of the same application and session
//	           '--------------------------------> superseded
//
// Invariants: pending goes to exactly one final status by one conditional update; final ones never change; an approve
// implies a stored signature that verifies offline; a result is minted when read, after the account's state was checked
// again, and for the application that asked only. A report is taken for a day also on a final challenge: the status
// stands, results are withheld.
//
// The order of the checks on a decision is that of docs/protocol.md. Everything that state decides is decided inside one
// write transaction; signatures are verified before it.
//
// It leaves to others: HTTP, storage, waking devices beyond the bus, and enrollment, which it does not know.
package challenge
