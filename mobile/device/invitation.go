package device

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/nod-auth/nod/shared/protocol"
)

// Invitation is what an invitation says before anything is contacted. Show
// Host, Company, User and Level, and ask. A rogue server's invitation looks like
// any other: say so.
type Invitation struct {
	// Server is the base URL, Host the part of it to show.
	Server, Host string
	// Company and User are unproven hints and may be empty; the signed reply must repeat them.
	Company, User string
	// Plain is true for http, which is accepted on loopback only.
	Plain bool
	// Level is what new keys would get now; "" while no key store is open.
	Level protocol.KeyLevel
	// Known is an account that is being enrolled with this very invitation, or "".
	Known AccountID

	content protocol.Invitation
}

// Inspect reads an invitation: a "nod://enroll" URI or an https link. It
// contacts nothing. Errors: [ErrInvitation], [ErrInsecure], [ErrHostNotAllowed].
func (c *Core) Inspect(text string) (Invitation, error) {
	in, err := protocol.ParseInvitation(strings.TrimSpace(text), c.params.Scheme)
	if err != nil {
		if errors.Is(err, &protocol.Error{Code: protocol.CodeInsecure}) {
			return Invitation{}, fmt.Errorf("%w: %w", ErrInsecure, err)
		}
		return Invitation{}, fmt.Errorf("%w: %w", ErrInvitation, err)
	}
	host := hostOf(in.Server)
	if len(c.params.Hosts) > 0 && !slices.Contains(c.params.Hosts, host) {
		return Invitation{}, fmt.Errorf("%w: %s", ErrHostNotAllowed, host)
	}
	out := Invitation{
		Server: in.Server, Host: host, Company: in.Company, User: in.User,
		Plain: strings.HasPrefix(in.Server, "http:"), content: in,
	}
	if store, err := c.firstStore(); err == nil {
		out.Level = store.Level()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.state.Accounts {
		if a.Enrollment != nil && a.Enrollment.Invitation.Token == in.Token {
			out.Known = a.ID
		}
	}
	return out, nil
}

// hostOf is the host, and the port if it is not the scheme's own, of a base URL.
func hostOf(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server
	}
	return u.Host
}
