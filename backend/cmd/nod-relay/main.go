// Command nod-relay lets one published app serve any self-hosted server. To a server it is an ordinary WebPush service
// (RFC 8030); behind, it forwards the ciphertext through Apple's and Google's services with credentials that only the
// relay owns.
//
// It owns: endpoints that nobody can guess and the app can revoke, the limits on them, and the journal that maps them
// to push addresses. It never sees a tenant, a user, or a content; page.html says exactly what it can learn, and is
// what it serves at "/". It leaves TLS to the proxy in front of it unless it is given a certificate.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nod-auth/nod/backend/internal/delivery"
	"github.com/nod-auth/nod/backend/internal/delivery/apns"
	"github.com/nod-auth/nod/backend/internal/delivery/credentials"
	"github.com/nod-auth/nod/backend/internal/delivery/fcm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr, nil); err != nil && !errors.Is(err, flag.ErrHelp) {
		_, _ = fmt.Fprintln(os.Stderr, "nod-relay:", err)
		os.Exit(1) //nolint:gocritic // stop only restores the signal handlers
	}
}

// settings are the command line.
type settings struct {
	listen, publicURL, data, apps, certFile, keyFile string
	limit                                            int
}

func parse(args []string, out io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("nod-relay", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8086", "address to listen on")
	flags.StringVar(&s.publicURL, "public-url", "", "https origin that servers call, such as https://relay.example (required)")
	flags.StringVar(&s.data, "data", "", "directory of the subscriptions (required)")
	flags.StringVar(&s.apps, "apps", "", "push file with the credentials of the apps (required, see docs/push.md)")
	flags.StringVar(&s.certFile, "tls-cert", "", "certificate, when no proxy in front ends TLS")
	flags.StringVar(&s.keyFile, "tls-key", "", "key of the certificate")
	flags.IntVar(&s.limit, "max-subscriptions", 1_000_000, "how many subscriptions to keep")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	u, err := url.Parse(s.publicURL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.User != nil {
		return s, errors.New("--public-url must be an https origin without a path, such as https://relay.example")
	}
	if s.data == "" || s.apps == "" {
		return s, errors.New("--data and --apps are required")
	}
	if (s.certFile == "") != (s.keyFile == "") {
		return s, errors.New("--tls-cert and --tls-key belong together")
	}
	return s, nil
}

// run serves until ctx ends. ready, if not nil, gets the address that is listened on.
func run(ctx context.Context, args []string, out io.Writer, ready chan<- string) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	push, err := loadApps(s.apps)
	if err != nil {
		return err
	}
	kept, err := openStore(s.data, s.limit)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(out, nil))
	server := &http.Server{
		Handler:           newRelay(kept, push, s.publicURL, log, time.Now).handler(),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), kept.close())
	}
	if ready != nil {
		ready <- listener.Addr().String()
	}
	log.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return errors.Join(serve(ctx, server, listener, s), kept.close())
}

func serve(ctx context.Context, server *http.Server, listener net.Listener, s settings) error {
	ended := make(chan error, 1)
	go func() {
		if s.certFile != "" {
			ended <- server.ServeTLS(listener, s.certFile, s.keyFile)
		} else {
			ended <- server.Serve(listener)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	return server.Shutdown(last)
}

// loadApps reads the push file and makes one client for each key and environment.
func loadApps(path string) (*phones, error) {
	file, err := credentials.Load(path)
	if err != nil {
		return nil, err
	}
	p := &phones{apns: map[string]*apns.Client{}, fcm: map[string]*fcm.Client{}, now: time.Now}
	shared := map[string]*apns.Client{}
	for _, a := range file.APNs {
		id := a.TeamID + "/" + a.KeyID + "/" + a.Environment
		if shared[id] == nil {
			shared[id], err = apns.New(apns.Params{KeyP8: a.Key, KeyID: a.KeyID, TeamID: a.TeamID, Sandbox: a.Environment == delivery.KindSandbox,
				Host: a.Host, Roots: file.Roots})
			if err != nil {
				return nil, fmt.Errorf("app %s: %w", a.BundleID, err)
			}
		}
		p.apns[delivery.APNsApp(a.BundleID, a.Environment)] = shared[id]
	}
	for _, a := range file.FCM {
		if p.fcm[a.Package], err = fcm.New(fcm.Params{ServiceAccount: a.ServiceAccount, Endpoint: a.Endpoint, Roots: file.Roots}); err != nil {
			return nil, fmt.Errorf("app %s: %w", a.Package, err)
		}
	}
	if len(p.apns)+len(p.fcm) == 0 {
		return nil, errors.New("the push file names no app")
	}
	return p, nil
}
