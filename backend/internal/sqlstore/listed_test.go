package sqlstore

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAListIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z_]{1,5}`), rapid.SampledFrom([]string{`"`, `","`, `\`, ``, `]`, "https://a.example.com:8443"}))).Draw(t, "list")
		var got []string
		if err := (listed[string]{&got}).Scan(text(want)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

// Whatever stands in the column, a list is read as JSON says, or refused.
func TestAListThatIsNoneIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringMatching(`[\[\]", a\\n]{0,8}`).Draw(t, "raw")
		var got, want []string
		err, wantErr := (listed[string]{&got}).Scan(raw), json.Unmarshal([]byte(raw), &want)
		if (err == nil) != (wantErr == nil) || err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: %q %v, want %q %v", raw, got, err, want, wantErr)
		}
	})
}
