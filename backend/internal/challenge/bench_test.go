package challenge_test

import (
	"syscall"
	"testing"

	"github.com/nod-auth/nod/backend/internal/testkit"
	"github.com/nod-auth/nod/shared/protocol"
)

// An authentication without HTTP, one at a time, with the device's signature: what the domain and the store cost. The
// figure that counts is `make bench`'s, with everything.
func BenchmarkAuthentication(b *testing.B) {
	k := testkit.New(b)
	d := k.Enroll("ada")
	b.ReportAllocs()
	before := cpu(b)
	for b.Loop() {
		caller, err := k.Tenants.Authenticate(ctx, string(k.Secret))
		must(b, err)
		made := k.MustCreate("ada", nil)
		_, err = k.Challenges.Get(ctx, caller.Application, made.Challenge.ID) // the application waits
		must(b, err)
		_, err = d.Decide(made.Challenge, protocol.Approve, made.Number)
		must(b, err)
		c, err := k.Challenges.Get(ctx, caller.Application, made.Challenge.ID)
		must(b, err)
		_, err = k.Challenges.Result(ctx, c)
		must(b, err)
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1000, "cpu-us/op")
}

// cpu returns the processor time of this process in nanoseconds: most of the wall time is the disk's.
func cpu(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
