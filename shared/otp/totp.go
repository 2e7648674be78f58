package otp

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

// Params describes a generator. The zero values of Digits, Period and Algorithm
// mean 6, 30 seconds and SHA1.
type Params struct {
	Key       Key
	Digits    int
	Period    time.Duration // TOTP only; whole seconds
	Algorithm Algorithm
}

// Generator makes and checks codes. It is safe for concurrent use.
type Generator struct{ p Params }

// New checks the parameters and returns a generator with its own copy of the key.
func New(p Params) (*Generator, error) {
	if p.Digits == 0 {
		p.Digits = MinDigits
	}
	if p.Period == 0 {
		p.Period = 30 * time.Second
	}
	if p.Algorithm == "" {
		p.Algorithm = SHA1
	}
	switch {
	case p.Digits < MinDigits || p.Digits > MaxDigits:
		return nil, ErrDigits
	case len(p.Key) < minKeyBytes || len(p.Key) > maxKeyBytes:
		return nil, ErrKey
	case p.Period < 10*time.Second || p.Period > 300*time.Second || p.Period%time.Second != 0:
		return nil, ErrPeriod
	}
	if _, err := p.Algorithm.hash(); err != nil {
		return nil, err
	}
	p.Key = append(Key(nil), p.Key...)
	return &Generator{p: p}, nil
}

// Params returns the parameters in force, with a copy of the key.
func (g *Generator) Params() Params {
	p := g.p
	p.Key = append(Key(nil), p.Key...)
	return p
}

// HOTP returns the code of a counter (RFC 4226 section 5.3).
func (g *Generator) HOTP(counter uint64) string {
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], counter)
	sum, err := g.p.Algorithm.sum(g.p.Key, message[:])
	if err != nil {
		panic(err) // New has checked the algorithm
	}
	return truncate(sum, g.p.Digits)
}

// Step returns the TOTP time step of t (RFC 6238 section 4.2, T0 = 0). Times
// before 1970 are step 0.
func (g *Generator) Step(t time.Time) uint64 {
	return uint64(max(t.Unix(), 0)) / uint64(g.p.Period/time.Second)
}

// TOTP returns the code in force at t and how long it stays in force.
func (g *Generator) TOTP(t time.Time) (code string, left time.Duration) {
	step := g.Step(t)
	end := time.Unix(int64(step+1)*int64(g.p.Period/time.Second), 0)
	return g.HOTP(step), end.Sub(t)
}

// Unused is the last step or counter of a generator no code of which has been
// accepted yet.
const Unused int64 = -1

// VerifyTOTP looks for the code in the step of now and in skew steps on each
// side. It returns the step that matched; keep it and give it back as last, so
// that no code works twice: steps up to last never match. With skew above 10 or
// below 0 nothing matches.
func (g *Generator) VerifyTOTP(code string, now time.Time, skew int, last int64) (step int64, ok bool) {
	if skew < 0 || skew > 10 {
		return 0, false
	}
	here := int64(g.Step(now))
	return g.search(code, max(here-int64(skew), last+1, 0), here+int64(skew))
}

// VerifyHOTP looks for the code in the counters after last, at most ahead of
// them (RFC 4226 section 7.4). It returns the counter that matched; keep it and
// give it back as last.
func (g *Generator) VerifyHOTP(code string, last int64, ahead int) (counter int64, ok bool) {
	if ahead < 1 || ahead > maxLookAhead || last < Unused {
		return 0, false
	}
	return g.search(code, last+1, last+int64(ahead))
}

// search compares every candidate, so that the time taken does not tell which
// one matched; the first match counts.
func (g *Generator) search(code string, from, to int64) (found int64, ok bool) {
	for at := from; at <= to; at++ {
		if subtle.ConstantTimeCompare([]byte(code), []byte(g.HOTP(uint64(at)))) == 1 && !ok {
			found, ok = at, true
		}
	}
	return found, ok
}

// String names the generator without its key.
func (g *Generator) String() string {
	return fmt.Sprintf("otp %s %d digits %s", g.p.Algorithm, g.p.Digits, g.p.Period)
}
