package keystore

import (
	"fmt"
	"unicode/utf8"
)

// PIN limits. NIST SP 800-63B-4 section 3.2.10 (activation secrets) asks for
// at least 4 and recommends 6 characters; six, because a software key's PIN
// can be attacked offline by whoever has the file and its passphrase.
const (
	MinPIN = 6
	MaxPIN = 64 // bytes
)

// CheckPIN refuses a new PIN that is missing ([ErrPINRequired]), out of bounds,
// not UTF-8 or on the block list ([ErrWeakPIN]). The error never quotes the PIN.
func CheckPIN(pin []byte) error {
	switch {
	case len(pin) == 0:
		return ErrPINRequired
	case !utf8.Valid(pin):
		return fmt.Errorf("%w: not valid text", ErrWeakPIN)
	case utf8.RuneCount(pin) < MinPIN:
		return fmt.Errorf("%w: fewer than %d characters", ErrWeakPIN, MinPIN)
	case len(pin) > MaxPIN:
		return fmt.Errorf("%w: more than %d bytes", ErrWeakPIN, MaxPIN)
	case isRow(pin) || isRepetition(pin) || blocked[string(pin)]:
		return fmt.Errorf("%w: a row, a repetition or one of the most used", ErrWeakPIN)
	}
	return nil
}

// isRow finds 123456, 987654, abcdef, 135790-like constant steps (digits wrap
// from 9 to 0, as in 567890).
func isRow(pin []byte) bool {
	step := wrapStep(pin[0], pin[1])
	for i := 2; i < len(pin); i++ {
		if wrapStep(pin[i-1], pin[i]) != step {
			return false
		}
	}
	return true
}

func wrapStep(a, b byte) int {
	d := int(b) - int(a)
	if isDigit(a) && isDigit(b) {
		return (d + 10) % 10
	}
	return d
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isRepetition finds a short part said again and again (112112, 121212) and
// pairs (112233).
func isRepetition(pin []byte) bool {
	for period := 1; period <= len(pin)/2; period++ {
		if repeatsEvery(pin, period) {
			return true
		}
	}
	return isPairs(pin)
}

func repeatsEvery(pin []byte, period int) bool {
	for i := period; i < len(pin); i++ {
		if pin[i] != pin[i-period] {
			return false
		}
	}
	return true
}

func isPairs(pin []byte) bool {
	for i := 0; i+1 < len(pin); i += 2 {
		if pin[i] != pin[i+1] {
			return false
		}
	}
	return len(pin)%2 == 0
}

// blocked holds frequent choices that the rules above let through: keypad
// patterns, palindromes and words that lists of leaked PINs and passwords share.
var blocked = map[string]bool{
	"123321": true, "654321": true, "121314": true, "123654": true, "159753": true,
	"147258": true, "258369": true, "147852": true, "789456": true, "456789": true,
	"123789": true, "321654": true, "102030": true, "010203": true, "101010": true,
	"112358": true, "314159": true, "271828": true, "520520": true, "131420": true,
	"100000": true, "000001": true, "123457": true, "123450": true, "001234": true,
	"696969": true, "420420": true, "007007": true, "142536": true, "963852": true,
	"12345679": true, "11223344": true, "12344321": true, "password": true,
	"qwerty": true, "qwertz": true, "azerty": true, "asdfgh": true, "abc123": true,
	"letmein": true, "iloveyou": true, "qwerty123": true, "password1": true,
}
