// Command nodsim is a Nod authenticator without a screen: for the demo, for
// tests and integrators, and as a load generator. `nodsim --help` is its manual.
//
// Its keys are software keys. A person's authenticator is the Nod app.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
