//go:build windows || (darwin && !ios)

package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"

	"github.com/nod-auth/nod/mobile/keystore"
)

// systemKeyring is Credential Manager (generic credential of the local machine)
// or the login keychain, by go-keyring. Values are text there: base64url.
type systemKeyring struct{ service string }

func reach(_ context.Context, params Params) (keeper, error) {
	return systemKeyring{service: params.service}, nil
}

func (s systemKeyring) get(_ context.Context, id string) ([]byte, error) {
	text, err := keyring.Get(s.service, id)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil, keystore.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: read system keyring: %w", keystore.ErrUnavailable, err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the system keyring's value", keystore.ErrCorrupt)
	}
	return secret, nil
}

func (s systemKeyring) set(_ context.Context, id string, secret []byte) error {
	if err := keyring.Set(s.service, id, base64.RawURLEncoding.EncodeToString(secret)); err != nil {
		return fmt.Errorf("%w: write system keyring: %w", keystore.ErrUnavailable, err)
	}
	return nil
}

func (s systemKeyring) close() {}
