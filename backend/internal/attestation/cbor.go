package attestation

import "encoding/binary"

// The part of CBOR (RFC 8949) that an attestation object uses: unsigned integers, byte and text strings, arrays and maps with text keys,
// in preferred form with definite lengths (section 4.2.1). Anything else is refused.

// Limits of a CBOR document.
const (
	maxCBORDepth = 4
	maxCBORItems = 64
)

// The major types of RFC 8949 section 3.1.
const (
	cborUint  = 0
	cborBytes = 2
	cborText  = 3
	cborArray = 4
	cborMap   = 5
)

// cborValue is one data item; which member is set follows from major.
type cborValue struct {
	major   byte
	number  uint64
	data    []byte // byte string, or the text
	items   []cborValue
	members map[string]cborValue
}

func badCBOR(what string) error { return fail(CodeMalformed, "CBOR: %s", what) }

// parseCBOR reads exactly one data item.
func parseCBOR(data []byte) (cborValue, error) {
	r := &cborReader{rest: data, items: maxCBORItems}
	v, err := r.value(maxCBORDepth)
	if err == nil && len(r.rest) > 0 {
		err = badCBOR("something follows")
	}
	return v, err
}

type cborReader struct {
	rest  []byte
	items int // how many more may come
}

// head reads a major type and its argument.
func (r *cborReader) head() (major byte, argument uint64, err error) {
	if len(r.rest) == 0 {
		return 0, 0, badCBOR("ends early")
	}
	first := r.rest[0]
	r.rest = r.rest[1:]
	major, info := first>>5, first&31
	if info < 24 {
		return major, uint64(info), nil
	}
	if info > 27 {
		return 0, 0, badCBOR("indefinite or reserved length")
	}
	size := 1 << (info - 24)
	if len(r.rest) < size {
		return 0, 0, badCBOR("ends early")
	}
	var wide [8]byte
	copy(wide[8-size:], r.rest)
	r.rest = r.rest[size:]
	argument = binary.BigEndian.Uint64(wide[:])
	least := map[byte]uint64{24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}[info]
	if argument < least {
		return 0, 0, badCBOR("a longer form than needed")
	}
	return major, argument, nil
}

func (r *cborReader) value(depth int) (cborValue, error) {
	if depth == 0 {
		return cborValue{}, badCBOR("too deep")
	}
	if r.items--; r.items < 0 {
		return cborValue{}, badCBOR("too many items")
	}
	major, n, err := r.head()
	if err != nil {
		return cborValue{}, err
	}
	v := cborValue{major: major}
	switch major {
	case cborUint:
		v.number = n
	case cborBytes, cborText:
		if n > uint64(len(r.rest)) {
			return v, badCBOR("ends early")
		}
		v.data, r.rest = r.rest[:n], r.rest[n:]
	case cborArray:
		err = r.array(&v, n, depth)
	case cborMap:
		err = r.object(&v, n, depth)
	default:
		err = badCBOR("a type that is not used")
	}
	return v, err
}

func (r *cborReader) array(v *cborValue, n uint64, depth int) error {
	for range n {
		item, err := r.value(depth - 1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return nil
}

func (r *cborReader) object(v *cborValue, n uint64, depth int) error {
	v.members = map[string]cborValue{}
	for range n {
		name, err := r.value(depth - 1)
		if err != nil {
			return err
		}
		if _, twice := v.members[string(name.data)]; name.major != cborText || twice {
			return badCBOR("a member's name is no text, or stands twice")
		}
		if v.members[string(name.data)], err = r.value(depth - 1); err != nil {
			return err
		}
	}
	return nil
}

// of returns a member of a map if it has the major type.
func (v cborValue) of(name string, major byte) (cborValue, bool) {
	m, ok := v.members[name]
	return m, ok && m.major == major
}
