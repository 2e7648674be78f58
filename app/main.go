// Command app is the Nod authenticator with a window. `nod --help` lists its
// flags; without any it opens the profile of the person who runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/nod-auth/nod/app/internal/platform"
	"github.com/nod-auth/nod/app/internal/resource"
)

// version is set by the packager.
var version = "devel"

func main() {
	o, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if platform.Handover(ctx, o.profile, o.invite) {
		return // the running app has it now
	}
	if err := run(ctx, stop, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// parse reads the flags; an argument is an invitation from a browser.
func parse(args []string) (options, error) {
	b, err := resource.LoadBrand()
	if err != nil {
		return options{}, err
	}
	o := options{brand: b}
	set := flag.NewFlagSet(strings.ToLower(b.Name), flag.ContinueOnError)
	set.StringVar(&o.profile, "profile", "", "`folder` of accounts and keys; default is the person's own")
	set.StringVar(&o.invite, "invite", "", "an invitation to show: `URI`")
	set.BoolVar(&o.hidden, "hidden", false, "start in the tray, where there is one")
	set.BoolVar(&o.verbose, "verbose", false, "tell on standard error what happens; nothing secret")
	set.StringVar(&o.size, "size", "", "the window's size: `WxH` in units")
	set.BoolVar(&o.mobile, "mobile", false, "a window like a phone's")
	set.StringVar(&o.theme, "theme", "", "`light` or dark, whatever the settings say")
	set.Float64Var(&o.text, "text-scale", 0, "text size, `1 to 2`, whatever the settings say")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	if o.profile == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return o, fmt.Errorf("find the profile: %w", err)
		}
		o.profile = dir + string(os.PathSeparator) + b.AppID
	}
	switch {
	case set.NArg() > 1, set.NArg() == 1 && o.invite != "":
		return o, errors.New("one invitation at a time, please")
	case set.NArg() == 1:
		o.invite = set.Arg(0)
	}
	return o, nil
}
