package attestation

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"time"
)

// DefaultStatusMaxAge is how old a status list may be. Google lets it be kept for a day; the rest is room for
// an outage and a weekend.
const DefaultStatusMaxAge = 4 * 24 * time.Hour

// maxStatusList bounds the list, in bytes. Google's has a few thousand entries of about 60.
const maxStatusList = 16 << 20

// StatusList is Google's list of attestation certificates that count no more. It is not changed after it was made.
type StatusList struct {
	at      time.Time
	entries map[string]string
}

// ParseStatusList reads the JSON document, `{"entries": {"<serial>": {"status": "REVOKED", ...}}}`, as it was at the given
// time: when it was fetched, or its Date. Serials are lower-case hexadecimal without leading zeros.
func ParseStatusList(document []byte, at time.Time) (*StatusList, error) {
	if len(document) > maxStatusList {
		return nil, errors.New("attestation: the status list is too long")
	}
	var in struct {
		Entries map[string]struct {
			Status string `json:"status"`
		} `json:"entries"`
	}
	if err := json.Unmarshal(document, &in); err != nil || in.Entries == nil || at.IsZero() {
		return nil, errors.New("attestation: the status list cannot be read")
	}
	l := &StatusList{at: at, entries: make(map[string]string, len(in.Entries))}
	for serial, entry := range in.Entries {
		if entry.Status == "" {
			return nil, errors.New("attestation: an entry of the status list has no status")
		}
		l.entries[strings.TrimLeft(strings.ToLower(serial), "0")] = entry.Status
	}
	return l, nil
}

// status returns what the list says of a serial number, "" for nothing.
func (l *StatusList) status(serial *big.Int) string {
	return l.entries[new(big.Int).Abs(serial).Text(16)]
}

// checkStatus refuses a chain with a certificate on the list. Every status that is listed refuses: revoked, suspended, and what is yet to come.
// The leaf is not looked up: the device chose its serial number.
func (a *Android) checkStatus(issuers []*certificate, now time.Time) error {
	if a.Status != nil {
		for _, c := range issuers {
			if s := a.Status.status(c.TBS.Serial); s != "" {
				return fail(CodeRevoked, "certificate %s is %s", c.TBS.Serial.Text(16), strings.ToLower(s))
			}
		}
	}
	age := a.StatusMaxAge
	if age == 0 {
		age = DefaultStatusMaxAge
	}
	switch {
	case a.WithoutStatus:
		return nil
	case a.Status == nil:
		return fail(CodeStatusMissing, "")
	case now.Sub(a.Status.at) > age || a.Status.at.Sub(now) > time.Hour:
		return fail(CodeStatusStale, "the list is of %s", a.Status.at.UTC().Format(time.RFC3339))
	}
	return nil
}
