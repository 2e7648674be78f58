package pushbench_test

import (
	"flag"
	"testing"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery/pushbench"
)

var long = flag.Duration("for", 120*time.Millisecond, "how long to measure each; some seconds give figures to look at")

func TestEveryFigureIsMeasured(t *testing.T) {
	seen := map[string]float64{}
	err := pushbench.Measure(t.Context(), *long, func(name string, value float64, unit string) {
		seen[name] = value
		t.Logf("%s %.2f %s", name, value, unit)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"push_per_second_apns", "push_per_second_fcm", "push_per_second_webpush", "push_ratio_apns"} {
		if seen[name] <= 0 {
			t.Errorf("%s was not measured", name)
		}
	}
}
