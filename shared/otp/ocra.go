package otp

import (
	"crypto/sha1" //nolint:gosec // RFC 6287 section 6.3: the PIN's hash may be SHA-1
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// ErrSuite says that a text is no OCRA suite of RFC 6287 section 6.
var ErrSuite = errors.New("otp: not an OCRA suite")

// ErrInput says that an OCRA input does not fit its suite.
var ErrInput = errors.New("otp: the input does not fit the OCRA suite")

// Suite is an OCRA suite (RFC 6287 section 6), such as
// "OCRA-1:HOTP-SHA256-8:QN08-PSHA1".
type Suite struct {
	name      string
	algorithm Algorithm
	digits    int // 0 or 4 to 10
	counter   bool
	question  byte // 'A', 'N' or 'H'
	length    int  // of the question, 4 to 64
	pin       Algorithm
	session   int // bytes; 0 without one
	step      time.Duration
}

// Input is what a code is computed over. Parts that the suite does not name are
// ignored; parts that it names must be there.
type Input struct {
	Counter uint64
	// Question is in the suite's format: text, decimal or hexadecimal. For mutual
	// authentication it is both sides' questions in a row (section 7.2), so it may
	// be twice as long as the suite says.
	Question string
	PIN      string // hashed here with the suite's algorithm
	Session  []byte // at most the suite's length; filled up on the left
	Time     time.Time
}

// ParseSuite reads a suite.
func ParseSuite(s string) (Suite, error) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 || parts[0] != "OCRA-1" {
		return Suite{}, ErrSuite
	}
	out := Suite{name: s}
	if err := out.function(parts[1]); err != nil {
		return Suite{}, err
	}
	for _, in := range strings.Split(parts[2], "-") {
		if err := out.input(in); err != nil {
			return Suite{}, err
		}
	}
	if out.question == 0 {
		return Suite{}, fmt.Errorf("%w: no question", ErrSuite)
	}
	return out, nil
}

// function reads "HOTP-SHA1-6".
func (s *Suite) function(f string) error {
	parts := strings.Split(f, "-")
	if len(parts) != 3 || parts[0] != "HOTP" {
		return ErrSuite
	}
	s.algorithm = Algorithm(parts[1])
	if parts[1] == "" {
		return ErrSuite
	}
	if _, err := s.algorithm.hash(); err != nil {
		return ErrSuite
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil || n != 0 && (n < 4 || n > 10) {
		return fmt.Errorf("%w: digits", ErrSuite)
	}
	s.digits = n
	return nil
}

// input reads one data input: C, QFxx, PH, Snnn or TG (section 6.3). The order
// is fixed by the RFC and each may stand once.
func (s *Suite) input(in string) error {
	bad := fmt.Errorf("%w: input %q", ErrSuite, in)
	if in == "" {
		return bad
	}
	rest := in[1:]
	switch in[0] {
	case 'C':
		if rest != "" || s.counter || s.question != 0 {
			return bad
		}
		s.counter = true
	case 'Q':
		return s.setQuestion(rest, bad)
	case 'P':
		if s.question == 0 || s.pin != "" || s.session != 0 || s.step != 0 {
			return bad
		}
		if s.pin = Algorithm(rest); rest == "" {
			return bad
		}
		if _, err := s.pin.hash(); err != nil {
			return bad
		}
	case 'S':
		n, err := strconv.Atoi(rest)
		if err != nil || len(rest) != 3 || n < 1 || n > 512 || s.question == 0 || s.session != 0 || s.step != 0 {
			return bad
		}
		s.session = n
	case 'T':
		return s.setStep(rest, bad)
	default:
		return bad
	}
	return nil
}

func (s *Suite) setQuestion(rest string, bad error) error {
	if s.question != 0 || len(rest) != 3 || !strings.ContainsRune("ANH", rune(rest[0])) {
		return bad
	}
	n, err := strconv.Atoi(rest[1:])
	if err != nil || n < 4 || n > 64 {
		return bad
	}
	s.question, s.length = rest[0], n
	return nil
}

func (s *Suite) setStep(rest string, bad error) error {
	if s.question == 0 || s.step != 0 || len(rest) < 2 {
		return bad
	}
	n, err := strconv.Atoi(rest[:len(rest)-1])
	unit, limit := time.Duration(0), 59
	switch rest[len(rest)-1] {
	case 'S':
		unit = time.Second
	case 'M':
		unit = time.Minute
	case 'H':
		unit, limit = time.Hour, 48
	}
	if err != nil || unit == 0 || n < 1 || n > limit {
		return bad
	}
	s.step = time.Duration(n) * unit
	return nil
}

// String returns the suite as it was parsed.
func (s Suite) String() string { return s.name }

// Code computes the response (RFC 6287 section 5). A suite of zero digits gives
// the whole HMAC in hexadecimal.
func (s Suite) Code(key Key, in Input) (string, error) {
	if s.question == 0 {
		return "", ErrSuite
	}
	if len(key) < minKeyBytes || len(key) > maxKeyBytes {
		return "", ErrKey
	}
	message, err := s.message(in)
	if err != nil {
		return "", err
	}
	sum, err := s.algorithm.sum(key, message)
	if err != nil {
		return "", err
	}
	if s.digits == 0 {
		return hex.EncodeToString(sum), nil
	}
	return truncate(sum, s.digits), nil
}

// Verify compares a code in constant time.
func (s Suite) Verify(key Key, in Input, code string) (bool, error) {
	want, err := s.Code(key, in)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1, nil
}

// questionBytes is the fixed length of the question in the message (section 5.1).
const questionBytes = 128

// message lays the inputs out in the order of section 5.1.
func (s Suite) message(in Input) ([]byte, error) {
	m := append([]byte(s.name), 0)
	if s.counter {
		m = binary.BigEndian.AppendUint64(m, in.Counter)
	}
	q, err := s.questionOf(in.Question)
	if err != nil {
		return nil, err
	}
	m = append(m, q...)
	m = append(m, make([]byte, questionBytes-len(q))...)
	if s.pin != "" {
		m = append(m, s.pinHash(in.PIN)...)
	}
	if s.session > 0 {
		if len(in.Session) == 0 || len(in.Session) > s.session {
			return nil, fmt.Errorf("%w: session", ErrInput)
		}
		m = append(m, make([]byte, s.session-len(in.Session))...)
		m = append(m, in.Session...)
	}
	if s.step > 0 {
		if in.Time.Unix() < 0 {
			return nil, fmt.Errorf("%w: time", ErrInput)
		}
		m = binary.BigEndian.AppendUint64(m, uint64(in.Time.Unix())/uint64(s.step/time.Second))
	}
	return m, nil
}

func (s Suite) pinHash(pin string) []byte {
	switch s.pin {
	case SHA256:
		h := sha256.Sum256([]byte(pin))
		return h[:]
	case SHA512:
		h := sha512.Sum512([]byte(pin))
		return h[:]
	default: // SHA1; a suite with another hash does not parse
		h := sha1.Sum([]byte(pin)) //nolint:gosec // see the import
		return h[:]
	}
}

// questionOf writes the question as bytes: text as it is, numbers as the
// hexadecimal digits of their value from the left (the RFC's reference code).
func (s Suite) questionOf(q string) ([]byte, error) {
	if len(q) < 4 || len(q) > 2*s.length || len(q) > questionBytes {
		return nil, fmt.Errorf("%w: a question of %d characters", ErrInput, len(q))
	}
	digits := q
	switch s.question {
	case 'A':
		for i := range len(q) {
			if q[i] < 0x20 || q[i] > 0x7e {
				return nil, fmt.Errorf("%w: question", ErrInput)
			}
		}
		return []byte(q), nil
	case 'N':
		if strings.Trim(q, "0123456789") != "" {
			return nil, fmt.Errorf("%w: question", ErrInput)
		}
		n, ok := new(big.Int).SetString(q, 10)
		if !ok {
			return nil, fmt.Errorf("%w: question", ErrInput)
		}
		digits = strings.ToUpper(n.Text(16))
	}
	if len(digits)%2 == 1 {
		digits += "0"
	}
	out, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%w: question", ErrInput)
	}
	return out, nil
}
