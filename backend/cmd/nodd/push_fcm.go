//go:build fcm

package main

import (
	"fmt"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/credentials"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
)

const builtWithFCM = true

// addFCM makes one client for each Firebase app.
func addFCM(senders *delivery.Senders, file credentials.File) error {
	for _, a := range file.FCM {
		client, err := fcm.New(fcm.Params{ServiceAccount: a.ServiceAccount, Endpoint: a.Endpoint, Roots: file.Roots})
		if err != nil {
			return fmt.Errorf("app %s: %w", a.Package, err)
		}
		senders.Add(delivery.FCM, a.Package, client)
	}
	return nil
}
