package delivery

import "time"

// Budgets of wake-ups (T1). They hold back the ringing, never the challenge: an app that is opened still shows it. One
// challenge counts as one wake-up, however many devices and attempts it takes.
const (
	budgetWindow  = 5 * time.Minute
	BudgetInTime  = 3  // wake-ups in the window without an approval
	BudgetInAll   = 10 // wake-ups since the last approval
	quietDenied   = 30 * time.Second
	quietReported = 15 * time.Minute
)

// History is what a user's wake-ups and decisions were until now.
type History struct {
	// Wakeups are the times of the wake-ups since the last approval, in any order. More than BudgetInAll are not needed.
	Wakeups []time.Time
	// Denied and Reported are the latest of their kind. Zero: none.
	Denied, Reported time.Time
}

// Suppressed says why a new challenge of this user rings nobody: "reported", "denied", "window", "total", or "" when it
// may ring.
func (h History) Suppressed(now time.Time) string {
	recent := 0
	for _, at := range h.Wakeups {
		if now.Sub(at) < budgetWindow {
			recent++
		}
	}
	switch {
	case !h.Reported.IsZero() && now.Sub(h.Reported) < quietReported:
		return "reported"
	case !h.Denied.IsZero() && now.Sub(h.Denied) < quietDenied:
		return "denied"
	case recent >= BudgetInTime:
		return "window"
	case len(h.Wakeups) >= BudgetInAll:
		return "total"
	}
	return ""
}
