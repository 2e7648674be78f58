package webhook

import "time"

// schedule is the example of Standard Webhooks 1.0 ("Retry schedule"): ten attempts over three days.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// NextAttempt says how long to wait after the attempt with this number (from 1) failed, or that it was the last. Up
// to a tenth is added at random, so that an endpoint which comes back is not met by everything at once; random is in
// [0, 1). What the endpoint asked for is honored when it is longer.
func NextAttempt(number int, retryAfter time.Duration, random float64) (wait time.Duration, again bool) {
	if number < 1 || number > len(schedule) {
		return 0, false
	}
	wait = schedule[number-1]
	wait += time.Duration(random * float64(wait) / 10)
	return max(wait, retryAfter), true
}
