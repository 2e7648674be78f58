// Command bench measures the app: the real program in a real window against the
// real server. It prints lines of `name value unit`.
//
//	binary_mb              the stripped program
//	app_start_ms           from the start of the process to the first painted page (median of 5)
//	app_rss_mb             resident memory with one account, on its first page
//	app_idle_cpu_shown     CPU over 20 s with the first page in view, in percent of one core
//	app_idle_cpu_hidden    the same with the window in the tray
//	challenge_to_paint_*   from the application's POST to the painted prompt (its fade begins there)
//
// It needs a display, xdotool and dbus-daemon, and draws on the display it is
// given: a figure from a software renderer says little about a graphics card.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nod-auth/nod/shared/client/application"
	"github.com/nod-auth/nod/shared/protocol"
)

type options struct {
	app, nodd  string
	challenges int
	idle       time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.app, "app", "", "the app's binary; built when empty")
	flag.StringVar(&o.nodd, "nodd", "", "the server's binary; built when empty")
	flag.IntVar(&o.challenges, "challenges", 60, "prompts to paint")
	flag.DurationVar(&o.idle, "idle", 20*time.Second, "how long idleness is watched")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func line(name string, value float64, unit string) { fmt.Printf("%s %.1f %s\n", name, value, unit) }

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "nod-bench-app-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for binary, args := range map[*string][]string{
		&o.app:  {"-tags", "gles", "github.com/nod-auth/nod/app"},
		&o.nodd: {"github.com/nod-auth/nod/backend/cmd/nodd"},
	} {
		if *binary != "" {
			continue
		}
		*binary = filepath.Join(dir, filepath.Base(args[len(args)-1]))
		build := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", *binary}, args...)...) // #nosec G204 -- ours
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	info, err := os.Stat(o.app)
	if err != nil {
		return err
	}
	line("binary_mb", float64(info.Size())/1e6, "MB")
	s, err := startServer(ctx, o.nodd, filepath.Join(dir, "server"))
	if err != nil {
		return err
	}
	defer s.stop()
	p := &profile{dir: filepath.Join(dir, "profile"), home: dir, app: o.app}
	if err := p.enroll(ctx, s); err != nil {
		return err
	}
	bus, err := startBus(ctx)
	if err != nil {
		return err
	}
	defer bus.stop()
	p.bus = bus.address
	if err := measureStart(ctx, p); err != nil {
		return err
	}
	return measureRunning(ctx, o, p, s)
}

// measureStart opens the app five times.
func measureStart(ctx context.Context, p *profile) error {
	var took []time.Duration
	for range 5 {
		begun := time.Now()
		a, err := p.open(ctx)
		if err != nil {
			return err
		}
		at, err := a.painted(ctx, "")
		if err != nil {
			return err
		}
		took = append(took, at.Sub(begun))
		if err := a.stop(); err != nil {
			return err
		}
	}
	slices.Sort(took)
	line("app_start_ms", ms(took[len(took)/2]), "ms")
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureRunning watches one app: idle in view, asked many times, and hidden.
func measureRunning(ctx context.Context, o options, p *profile, s *server) error {
	a, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = a.stop() }()
	if err := a.unlock(ctx); err != nil {
		return err
	}
	if err := a.settle(ctx, 3*time.Second); err != nil {
		return err
	}
	shown, err := a.cpu(ctx, o.idle)
	if err != nil {
		return err
	}
	line("app_idle_cpu_shown", shown, "percent")
	resident, err := a.resident()
	if err != nil {
		return err
	}
	line("app_rss_mb", float64(resident)/1e6, "MB")
	if err := measurePrompts(ctx, o, a, s); err != nil {
		return err
	}
	if err := a.keys("ctrl+w"); err != nil {
		return err
	}
	if err := a.settle(ctx, 3*time.Second); err != nil {
		return err
	}
	hidden, err := a.cpu(ctx, o.idle)
	if err != nil {
		return err
	}
	line("app_idle_cpu_hidden", hidden, "percent")
	return nil
}

// measurePrompts asks again and again in one session: each request supersedes the
// one before and takes its place on the screen.
func measurePrompts(ctx context.Context, o options, a *running, s *server) error {
	var took []time.Duration
	for range o.challenges {
		begun := time.Now()
		_, err := s.client.CreateChallenge(ctx, application.ChallengeRequest{
			UserRef: "bench", Transaction: protocol.RandomText(12), Session: "bench", Action: protocol.Action{Kind: "sign_in"},
			Context: application.Context{IP: "203.0.113.7", Location: "Porto, Portugal"}, TTLSeconds: 10,
		})
		if err != nil {
			return fmt.Errorf("ask: %w", err)
		}
		at, err := a.painted(ctx, "prompt")
		if err != nil {
			return err
		}
		took = append(took, at.Sub(begun))
		if err := a.settle(ctx, 250*time.Millisecond); err != nil { // its fade
			return err
		}
	}
	slices.Sort(took)
	line("challenge_to_paint_p50", ms(took[len(took)/2]), "ms")
	line("challenge_to_paint_p99", ms(took[(len(took)*99+99)/100-1]), "ms")
	return a.settle(ctx, 11*time.Second) // the last one ends by its time
}
