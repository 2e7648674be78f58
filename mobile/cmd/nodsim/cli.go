package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/nod-auth/nod/mobile/device"
	"github.com/nod-auth/nod/mobile/keystore"
)

// The exit codes. They are part of the command's contract; see help.
const (
	exitDone    = 0
	exitError   = 1
	exitUsage   = 2
	exitOutcome = 3
	exitNumber  = 4
	exitNothing = 5
	exitOffline = 6
	exitPIN     = 7
	exitRevoked = 8
)

const about = `A Nod authenticator without a screen.

  nodsim enroll 'nod://enroll?...'    register; prints the code to type in the browser
  nodsim run                          answer requests in this terminal
  nodsim answer --approve --number 47 answer the next request and exit

The state directory holds accounts and keys. Without --pin-file, NODSIM_PIN or --ask-pin a random PIN is kept beside
the keys: right for a simulation, not for a person.

With --json each line is an object with "event": enrolled, active, account, ready, challenge, outcome, closed,
connection, status, rotated, unenrolled or error. The number is in none of them: it is never sent to a device.

Exit codes: 0 done as asked, 1 error, 2 wrong usage, 3 the request ended otherwise (expired, canceled, answered
elsewhere, refused), 4 the number was wrong, 5 no request came in time, 6 the server cannot be reached, 7 PIN missing,
wrong or locked, 8 the server does not know this device.`

// cli is the command line. The help texts are the manual.
type cli struct {
	State   string `help:"Directory of accounts and keys." default:"${state}" env:"NODSIM_STATE" type:"path" placeholder:"DIR"`
	Memory  bool   `help:"Keep everything in memory; it is gone at the end."`
	JSON    bool   `help:"Write one JSON object per line and event." name:"json"`
	NoColor bool   `help:"Plain text. Also: the variable NO_COLOR, or output that is no terminal."`
	Verbose bool   `help:"Log what the device core does to standard error." short:"v"`

	PinFile string `help:"File with the PIN; also the variable NODSIM_PIN." type:"path" placeholder:"FILE"`
	AskPin  bool   `help:"Ask for the PIN in the terminal each time it is needed."`

	Enroll   enrollCommand   `cmd:"" help:"Register this device with an invitation."`
	Run      runCommand      `cmd:"" help:"Show requests and answer them in this terminal."`
	Answer   answerCommand   `cmd:"" help:"Answer requests unattended: the next one, or all with --always."`
	List     listCommand     `cmd:"" help:"List the accounts."`
	Status   statusCommand   `cmd:"" help:"Ask the servers and show how the accounts stand."`
	Rotate   rotateCommand   `cmd:"" help:"Replace an account's keys by new ones."`
	Unenroll unenrollCommand `cmd:"" help:"Remove an account here and at its server."`
}

// app is what the commands share.
type app struct {
	ctx    context.Context
	cli    *cli
	stdin  io.Reader
	out    *output
	stderr io.Writer
	core   *device.Core
	store  keystore.Store
	pins   pinSource
}

// exitError carries an exit code; its message was told already when it is "".
type exitErr struct {
	code int
	text string
}

func (e *exitErr) Error() string { return e.text }

// run is the whole program.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &cli{}
	exited := -1
	parser, err := kong.New(c, kong.Name("nodsim"), kong.Description(about), kong.UsageOnError(),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.Vars{"state": defaultState()}, kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}))
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "nodsim:", err)
		return exitError
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // help
		return exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "nodsim: %v\nTry nodsim --help.\n", err)
		return exitUsage
	}
	a := &app{ctx: ctx, cli: c, stdin: stdin, stderr: stderr, out: newOutput(stdout, c.JSON, c.NoColor)}
	err = parsed.Run(a)
	err = errors.Join(err, a.close())
	return a.code(err)
}

// code tells an error and returns its exit code.
func (a *app) code(err error) int {
	if err == nil {
		return exitDone
	}
	code := exitError
	var own *exitErr
	switch {
	case errors.As(err, &own):
		code = own.code
		if own.text == "" {
			return code
		}
	case errors.Is(err, context.Canceled) && a.ctx.Err() != nil:
		return exitDone // asked to stop
	case errors.Is(err, device.ErrOffline):
		code = exitOffline
	case errors.Is(err, device.ErrRevoked):
		code = exitRevoked
	case errors.Is(err, keystore.ErrPINRequired), errors.Is(err, keystore.ErrWrongPIN), errors.Is(err, keystore.ErrWeakPIN),
		errors.Is(err, keystore.ErrLockedOut), errors.Is(err, keystore.ErrDestroyed):
		code = exitPIN
	}
	a.out.event(event{"event": "error", "error": err.Error(), "exit": code})
	_, _ = fmt.Fprintln(a.stderr, "nodsim:", strings.ReplaceAll(err.Error(), "\n", "; "))
	return code
}

func defaultState() string {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "nodsim-state"
	}
	return dir + string(os.PathSeparator) + "nodsim"
}
