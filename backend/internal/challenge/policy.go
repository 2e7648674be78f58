package challenge

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"

	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/protocol"
)

// matchRank orders number matches by what a guess or a reflex could do: six digits, two digits, one of three, nothing
// that the server can check.
func matchRank(mode protocol.MatchMode, digits int) int {
	switch {
	case mode == protocol.MatchEnter && digits == protocol.DigitsStrict:
		return 3
	case mode == protocol.MatchEnter:
		return 2
	case mode == protocol.MatchChoose:
		return 1
	}
	return 0
}

// chooseMatch applies the application's floor to what a request asks: it may raise, never lower.
func chooseMatch(floor protocol.MatchMode, mode protocol.MatchMode, digits int) (protocol.MatchMode, int, error) {
	if floor == "" {
		floor = protocol.MatchEnter
	}
	if mode == "" {
		mode = floor
	}
	switch {
	case mode == protocol.MatchEnter && digits == 0, mode == protocol.MatchChoose:
		digits = protocol.DigitsStandard
	case mode == protocol.MatchEnter && digits != protocol.DigitsStandard && digits != protocol.DigitsStrict:
		return "", 0, &fault.Error{Code: fault.ValidationFailed, Member: "match.digits", Detail: "enter takes 2 or 6 digits"}
	case !mode.Checked():
		digits = 0
	}
	if matchRank(mode, digits) < matchRank(floor, protocol.DigitsStandard) || mode == protocol.MatchNone && floor != protocol.MatchNone {
		return "", 0, &fault.Error{Code: fault.RequirementNotMet, Member: "match.mode",
			Detail: fmt.Sprintf("This application's challenges need at least %q: a request may ask for more, not for less.", floor)}
	}
	return mode, digits, nil
}

// drawn is the random content of a number match.
type drawn struct {
	match  protocol.Match
	number string // to show in the browser; empty for compare and none
	salt   []byte
}

// draw makes the number, its commitment and, for choose, the options, once for all devices.
func draw(mode protocol.MatchMode, digits int, id protocol.ChallengeID) (drawn, error) {
	d := drawn{match: protocol.Match{Mode: mode, Digits: digits}}
	switch mode {
	case protocol.MatchCompare:
		code, err := drawCompare()
		d.match.Code = code
		return d, err
	case protocol.MatchNone:
		return d, nil
	case protocol.MatchEnter, protocol.MatchChoose:
	}
	number, err := drawDigits(digits)
	if err != nil {
		return d, err
	}
	d.number, d.salt = number, make([]byte, 32)
	_, _ = rand.Read(d.salt) // never returns an error
	d.match.Commitment = protocol.Commitment(d.salt, id, number)
	if mode == protocol.MatchChoose {
		d.match.Options, err = drawOptions(number)
	}
	return d, err
}

func below(n int64) (int64, error) {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		return 0, fmt.Errorf("draw a number: %w", err)
	}
	return v.Int64(), nil
}

func drawDigits(digits int) (string, error) {
	limit := int64(1)
	for range digits {
		limit *= 10
	}
	n, err := below(limit)
	return fmt.Sprintf("%0*d", digits, n), err
}

// drawOptions returns three different numbers with the right one at a random place.
func drawOptions(number string) ([]string, error) {
	options := []string{number}
	for len(options) < protocol.ChooseOptions {
		other, err := drawDigits(protocol.DigitsStandard)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(options, other) {
			options = append(options, other)
		}
	}
	place, err := below(protocol.ChooseOptions)
	options[0], options[place] = options[place], options[0]
	return options, err
}

// compareAlphabet has no characters that are mistaken for others (RFC 4648 has no such set; this is Crockford's without U).
const compareAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func drawCompare() (string, error) {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never returns an error
	for i := range b {
		b[i] = compareAlphabet[b[i]&31]
	}
	return string(b[:3]) + "-" + string(b[3:]), nil
}
