// Command bench measures the server: it starts the real nodd as a process of its own, drives it over loopback, and prints
// lines of `name value unit`.
//
//	cpu_per_auth_ratio      server CPU of one whole authentication (create, stream delivery, decision, result by wait)
//	                        over the CPU of its bare cryptography (1 verify and 2 signs), both measured in this run
//	auths_per_second_N      with N authentications in flight
//	create_to_stream_*      from the application's POST to the challenge on the device's stream
//	decision_to_waiter_*    from the device's POST to the application's waiting GET
//	push_per_second_*       wake-ups a second through each sender and the fakes; push_ratio_apns against bare posts
//	create_to_push_*        from the application's POST to the push service, through the outbox
//	kib_per_idle_stream     growth of the server's resident memory over the number of idle device streams
//
// Every check of the server is on. Load is bounded in count and goes to loopback only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

func main() {
	var o options
	flag.StringVar(&o.nodd, "nodd", "", "the server binary; built when empty")
	flag.IntVar(&o.auths, "auths", 2000, "authentications per step")
	flag.IntVar(&o.streams, "streams", 10000, "idle device streams; 0 leaves that step out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	nodd    string
	auths   int
	streams int
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "nod-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.nodd == "" {
		if o.nodd, err = build(ctx, dir); err != nil {
			return err
		}
	}
	if err := reportSize(o.nodd); err != nil {
		return err
	}
	if err := measureAuths(ctx, o, filepath.Join(dir, "auths")); err != nil {
		return err
	}
	if err := measurePushes(ctx, o, filepath.Join(dir, "pushes")); err != nil {
		return err
	}
	if o.streams == 0 {
		return nil
	}
	return measureStreams(ctx, o, filepath.Join(dir, "streams"))
}

func reportSize(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	line("nodd_binary", float64(info.Size())/1e6, "MB")
	return nil
}

func line(name string, value float64, unit string) { fmt.Printf("%s %.3f %s\n", name, value, unit) }
