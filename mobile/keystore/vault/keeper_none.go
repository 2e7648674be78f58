//go:build android || ios || !(linux || windows || darwin)

package vault

import (
	"context"
	"fmt"

	"github.com/nod-auth/nod/mobile/keystore"
)

// reach: phones have real key stores instead, other systems none.
func reach(context.Context, Params) (keeper, error) {
	return nil, fmt.Errorf("%w: no keyring on this system", keystore.ErrUnavailable)
}

func machineID() string { return "" }
