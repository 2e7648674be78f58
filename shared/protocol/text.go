package protocol

import (
	"unicode"
	"unicode/utf8"
)

// CheckText refuses text that a person can't be shown safely: empty when required, blank, longer than maxRunes
// characters, broken UTF-8 (also once replaced by U+FFFD), control characters, line and paragraph separators, and the
// bidirectional, invisible and fill characters that can make a text read differently from what is signed (Unicode
// TR 36 section 2.3, TR 9).
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
	blank := true
	for _, r := range s {
		if isUnsafe(r) {
			return invalid(member, "has a control or invisible character")
		}
		blank = blank && unicode.IsSpace(r)
	}
	if blank {
		return invalid(member, "is blank")
	}
	return nil
}

// isUnsafe is true for characters that are invisible, reorder text, end a line or stand for broken text. The joiners
// that scripts and emoji need, and variation selectors, are allowed.
func isUnsafe(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = 0x200C, 0x200D
	if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
		return false
	}
	return r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}
