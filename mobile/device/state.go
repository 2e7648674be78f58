package device

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nod-auth/nod/mobile/keystore"
	"github.com/nod-auth/nod/shared/protocol"
)

// stateVersion is raised when an older program could not read the file rightly.
const stateVersion = 1

// state is the content of a profile.
type state struct {
	Accounts []*accountState `json:"accounts"`
	Activity []Entry         `json:"activity,omitempty"` // newest first
	// Trash holds the handles of keys that nothing names any more and that are
	// still to be deleted: their store was closed, or the program was killed.
	Trash [][]byte `json:"trash,omitempty"`

	// places remembers where accounts stand, for simulations of thousands.
	places map[AccountID]int
}

// accountState is what is kept of an account.
type accountState struct {
	ID           AccountID              `json:"id"`
	Status       AccountStatus          `json:"status"`
	Server       string                 `json:"server"`
	Root         protocol.Thumbprint    `json:"root"`
	Tenant       protocol.TenantID      `json:"tenant,omitempty"`
	Device       protocol.DeviceID      `json:"device,omitempty"`
	Company      string                 `json:"company,omitempty"`
	User         protocol.ChallengeUser `json:"user"`
	DeviceName   string                 `json:"device_name"`
	ConfirmCode  string                 `json:"confirm_code,omitempty"`
	Requirements protocol.Requirements  `json:"requirements,omitzero"`
	WakeHandle   string                 `json:"wake_handle"`
	VAPID        *protocol.JWK          `json:"vapid,omitempty"`
	DeviceKey    keyState               `json:"device_key"`
	ApprovalKey  keyState               `json:"approval_key"`
	// Keys is the newest nod-keys+jwt: its sequence is the floor for the next.
	Keys string `json:"keys,omitempty"`
	// Counter is the highest that any decision has used.
	Counter    uint64           `json:"counter"`
	Decisions  []storedDecision `json:"decisions,omitempty"`
	Enrollment *enrollmentState `json:"enrollment,omitempty"`
	Rotation   *rotationState   `json:"rotation,omitempty"`
	// Push is the hash of the push address that the server has; the address may hold a secret.
	Push string `json:"push,omitempty"`
	// ClockOffset is the server's clock minus this device's, in seconds, as last seen.
	ClockOffset int64     `json:"clock_offset,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	LastUsedAt  time.Time `json:"last_used_at,omitzero"`
}

// keyState names a key in some store.
type keyState struct {
	Handle       []byte                    `json:"handle"`
	Thumbprint   protocol.Thumbprint       `json:"thumbprint"`
	Level        protocol.KeyLevel         `json:"level"`
	Verification keystore.UserVerification `json:"verification,omitempty"`
}

// enrollmentState is kept until the reply is known. The invitation's token and the
// push address in it go when the reply is there.
type enrollmentState struct {
	// JWS is what was or will be sent.
	JWS string `json:"jws"`
	// The rest allows signing again with other times.
	Invitation  protocol.Invitation   `json:"invitation"`
	Device      protocol.DeviceInfo   `json:"device"`
	Approval    protocol.ApprovalKey  `json:"approval"`
	Attestation *protocol.Attestation `json:"attestation,omitempty"`
	Push        *protocol.PushAddress `json:"push,omitempty"`
}

// storedDecision is a signed answer whose outcome is not known.
type storedDecision struct {
	Challenge protocol.ChallengeID `json:"challenge"`
	Answer    protocol.Answer      `json:"answer"`
	Number    string               `json:"number,omitempty"`
	JWS       string               `json:"jws"`
	// Until is when sending it again has no use, by this device's clock.
	Until time.Time `json:"until"`
	// Entry is what goes into the history.
	Entry Entry `json:"entry"`
	// Earlier are other answers to the challenge whose outcome was not known
	// when this one took their place: the server may have one of them.
	Earlier []earlierAnswer `json:"earlier,omitempty"`
}

type earlierAnswer struct {
	Answer protocol.Answer `json:"answer"`
	JWS    string          `json:"jws"`
}

// rotationState is a key replacement whose outcome is not known.
type rotationState struct {
	Role   protocol.KeyRole `json:"role"`
	New    keyState         `json:"new"`
	JWS    string           `json:"jws"`
	SentAt time.Time        `json:"sent_at"`
}

// account returns an account or nil. The caller is the only one who uses s meanwhile.
func (s *state) account(id AccountID) *accountState {
	if i, ok := s.places[id]; ok && i < len(s.Accounts) && s.Accounts[i].ID == id {
		return s.Accounts[i]
	}
	i := slices.IndexFunc(s.Accounts, func(a *accountState) bool { return a.ID == id })
	if i < 0 {
		return nil
	}
	if s.places == nil {
		s.places = map[AccountID]int{}
	}
	s.places[id] = i
	return s.Accounts[i]
}

// stateFile is the file: one line of JSON, and a hash that finds damage which is still JSON.
type stateFile struct {
	Version int             `json:"nod_device_state"`
	SHA256  string          `json:"sha256"`
	State   json.RawMessage `json:"state"`
}

func encodeState(s *state) ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	data, err := json.Marshal(stateFile{Version: stateVersion, SHA256: hashState(body), State: body})
	if err != nil {
		return nil, fmt.Errorf("encode state: %w", err)
	}
	return append(data, '\n'), nil
}

func decodeState(data []byte) (*state, error) {
	var version struct {
		Version int `json:"nod_device_state"`
	}
	if err := json.Unmarshal(data, &version); err != nil || version.Version < 1 {
		return nil, fmt.Errorf("%w: not a state file, or cut short", ErrStateCorrupt)
	}
	if version.Version > stateVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads up to %d", ErrStateNewer, version.Version, stateVersion)
	}
	var f stateFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("%w: not a state file", ErrStateCorrupt)
	}
	if !bytes.HasSuffix(data, []byte("}\n")) || hashState(f.State) != f.SHA256 {
		return nil, fmt.Errorf("%w: checksum differs", ErrStateCorrupt)
	}
	s := &state{}
	if err := json.Unmarshal(f.State, s); err != nil {
		return nil, fmt.Errorf("%w: unreadable content", ErrStateCorrupt)
	}
	return s, s.check()
}

// check refuses what the rest of the package takes for granted.
func (s *state) check() error {
	for _, a := range s.Accounts {
		if a == nil || a.ID == "" || !soundServer(a.Server) || (a.Status != AccountRegistering && (a.Device == "" || a.Tenant == "" || a.Keys == "")) {
			return fmt.Errorf("%w: an account is incomplete", ErrStateCorrupt)
		}
	}
	return nil
}

func soundServer(s string) bool {
	parsed, err := protocol.ParseServer(s)
	return err == nil && parsed == s
}

func hashState(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
