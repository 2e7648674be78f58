// Command bank is a small relying party: Example Bank protects its sign-in with Nod.
//
// It shows what a real one does: check the password first, create a challenge with a transaction of its own, show the
// number, wait at the backend, and let nobody in unless the signed result verifies for this user and this transaction.
// The browser decides nothing: it holds a cookie that names the attempt, and asks how that attempt stands.
// Users live in memory and all have the password "demo".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8090", "address of the sample site")
	flag.Usage = func() {
		_, _ = fmt.Fprintln(flag.CommandLine.Output(), "bank: a sample site whose sign-in is protected by Nod.\n"+
			"It reads NOD_URL, NOD_API_KEY, NOD_TENANT and NOD_APPLICATION, which `nodd serve` prints at its first start.")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bank:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string) error {
	nod, err := application.New(application.Params{URL: os.Getenv("NOD_URL"), Key: os.Getenv("NOD_API_KEY"),
		Tenant: protocol.TenantID(os.Getenv("NOD_TENANT")), Application: protocol.ApplicationID(os.Getenv("NOD_APPLICATION"))})
	if err != nil {
		return fmt.Errorf("set NOD_URL, NOD_API_KEY, NOD_TENANT and NOD_APPLICATION: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", listen, err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	log.InfoContext(ctx, "the sample site is open", "url", "http://"+l.Addr().String())
	server := &http.Server{Handler: newSite(nod, log), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if server.Shutdown(closing) != nil {
			_ = server.Close() // a page that still waits is cut off
		}
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
