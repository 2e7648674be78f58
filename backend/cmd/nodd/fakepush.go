package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nod-auth/nod/backend/internal/fakepush/apns"
	"github.com/nod-auth/nod/backend/internal/fakepush/fcm"
	"github.com/nod-auth/nod/backend/internal/fakepush/webpush"
)

type fakepushCmd struct {
	Dir string `help:"Directory for the push file and the keys that the fakes make." placeholder:"DIR" required:""`
	App string `help:"Bundle id and package name of the app." default:"dev.nod.app"`
}

// Run serves the three fakes until the process is told to end.
func (c fakepushCmd) Run(ctx context.Context, p *program) error {
	apple, err := apns.Start(apns.Params{Topics: []string{c.App}})
	if err != nil {
		return err
	}
	defer apple.Close()
	google, err := fcm.Start("")
	if err != nil {
		return err
	}
	defer google.Close()
	web, err := webpush.Start("")
	if err != nil {
		return err
	}
	defer web.Close()
	if err := c.write(apple, google, web); err != nil {
		return withRemedy(err, "name a directory that this user may write to")
	}
	apple.Pushes.Each = func(x apns.Push) { p.printf("apns     %s\n", x.Payload) }
	google.Pushes.Each = func(x fcm.Push) { p.printf("fcm      %v\n", x.Data) }
	web.Pushes.Each = func(x webpush.Push) { p.printf("webpush  %s\n", x.Plaintext) }
	p.printf("apns     %s\nfcm      %s\nwebpush  %s  (POST %s/subscribe makes an address)\n\nServe with --push-file %s\n", apple.URL, google.URL, web.URL, web.URL,
		filepath.Join(c.Dir, "push.json"))
	<-ctx.Done()
	return nil
}

// write makes a push file that trusts the fakes and nothing else.
func (c fakepushCmd) write(apple *apns.Service, google *fcm.Service, web *webpush.Service) error {
	file := map[string]any{
		"apns": []map[string]string{{"bundle_id": c.App, "environment": "production", "key_file": "apns.p8", "key_id": apple.KeyID, "team_id": apple.TeamID,
			"host": apple.URL}},
		"fcm":        []map[string]string{{"package": c.App, "service_account_file": "fcm.json", "endpoint": google.Endpoint}},
		"webpush":    map[string]any{"contact": "mailto:dev@localhost", "allowed_networks": []string{"127.0.0.1/32"}, "allowed_ports": []uint16{web.Port()}},
		"roots_file": "roots.pem",
	}
	if !builtWithFCM {
		delete(file, "fcm")
	}
	raw, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return fmt.Errorf("make the directory: %w", err)
	}
	for name, content := range map[string][]byte{
		"push.json": append(raw, '\n'), "apns.p8": apple.KeyP8, "fcm.json": google.ServiceAccount,
		"roots.pem": bytes.Join([][]byte{apple.RootPEM, google.RootPEM, web.RootPEM}, nil),
	} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), content, 0o600); err != nil {
			return fmt.Errorf("write the push file: %w", err)
		}
	}
	return nil
}
