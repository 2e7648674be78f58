package protocol

import (
	"unicode"
	"unicode/utf8"
)

// CheckText refuses text that a person can't be shown safely: empty when required, longer than max characters,
// invalid UTF-8, control characters, line and paragraph separators, and the bidirectional and invisible format
// characters that can make a text read differently from what is signed (Unicode TR 36 section 2.3, TR 9).
func CheckText(member, s string, required bool, maxRunes int) error {
	if s == "" {
		if required {
			return invalid(member, "is required")
		}
		return nil
	}
	if len(s) > maxRunes*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxRunes {
		return invalid(member, "over %d characters or not UTF-8", maxRunes)
	}
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || isHiddenFormat(r) {
			return invalid(member, "has a control or invisible character")
		}
	}
	return nil
}

// isHiddenFormat is true for format characters (category Cf) other than the joiners that scripts and emoji need.
func isHiddenFormat(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = 0x200C, 0x200D
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return unicode.Is(unicode.Cf, r) && r < 0xE0000 || r >= 0xE0000 && r <= 0xE007F
}
