//go:build !fcm

package main

import (
	"errors"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/credentials"
)

const builtWithFCM = false

// addFCM refuses credentials that this build can't use: Google's library doubles the binary, so it is built in by a tag.
func addFCM(_ *delivery.Senders, file credentials.File) error {
	if len(file.FCM) > 0 {
		return errors.New("the push file has fcm, but this program was built without it: build it with -tags fcm")
	}
	return nil
}
