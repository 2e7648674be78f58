package delivery

import "time"

// The back-off between attempts of one job: 1, 2, 4, 8, 15, 15... seconds, each shortened by up to half at random, so
// that devices which failed together don't return together. A challenge of 90 s gets about ten attempts.
const (
	backoffBase = time.Second
	backoffMax  = 15 * time.Second
)

// NextAttempt says when to try again after the attempt with this number (from 1) failed at now. It honors what the
// service asked for, with up to a quarter more at random. It returns false when that would be at or after the expiry:
// there is no wake-up after the end of a challenge. random is in [0, 1).
func NextAttempt(now time.Time, number int, retryAfter time.Duration, expires time.Time, random float64) (time.Time, bool) {
	wait := backoffMax
	if number < 5 {
		wait = min(backoffMax, backoffBase<<max(0, number-1))
	}
	wait -= time.Duration(random * float64(wait) / 2)
	if asked := retryAfter + time.Duration(random*float64(retryAfter)/4); asked > wait {
		wait = asked
	}
	next := now.Add(wait)
	return next, next.Before(expires)
}
