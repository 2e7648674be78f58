package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/nod-auth/nod/backend/internal/config"
	"github.com/nod-auth/nod/backend/internal/fault"
	"github.com/nod-auth/nod/shared/problem"
)

// program is what a run of nodd has of its surroundings.
type program struct {
	In      io.Reader
	Out     io.Writer // what was asked for
	Err     io.Writer // errors, hints and the log
	Environ []string
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // wrong arguments or settings: nothing was done
)

// commands is the command line. Kong writes the help from its tags.
type commands struct {
	Settings settings `embed:""`

	Serve       serveCmd       `cmd:"" help:"Run the server. The first start makes the database, its key file, a tenant, an application and an API key."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database to this program's version, and stop."`
	Tenant      tenantCmd      `cmd:"" help:"Tenants: isolated customer spaces."`
	Application applicationCmd `cmd:"" help:"Applications: the relying parties of a tenant."`
	Key         keyCmd         `cmd:"" help:"API keys of applications; signing keys of tenants."`
	Device      deviceCmd      `cmd:"" help:"Enrolled devices."`
	User        userCmd        `cmd:"" help:"Users: state, lock-out, recovery."`
	Enrollment  enrollmentCmd  `cmd:"" help:"Invitations for devices."`
	Push        pushCmd        `cmd:"" help:"Push channels."`
	Deliveries  deliveriesCmd  `cmd:"" help:"List the latest wake-ups, every attempt, and what to do about it."`
	Fakepush    fakepushCmd    `cmd:"" help:"Run local stand-ins for Apple's, Google's and a WebPush service, to develop without accounts."`
	Webhook     webhookCmd     `cmd:"" help:"Endpoints that take push.requested events, to send pushes with your own infrastructure."`
	Verify      verifyCmd      `cmd:"" help:"Check a result and its evidence offline: what it proves and what it does not."`
	Audit       auditCmd       `cmd:"" help:"The audit chain."`
	Backup      backupCmd      `cmd:"" help:"Copy the database into a file while the server runs."`
	Restored    restoredCmd    `cmd:"" help:"After putting a backup in place: open a new epoch."`
	Demo        demoCmd        `cmd:"" help:"Try it: server, sample site and authenticator together."`
	ConfigCmd   configCmd      `cmd:"" name:"config" help:"The settings."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// run parses the arguments, runs one command and returns the exit code.
func run(ctx context.Context, args []string, p program) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c, kong.Name("nodd"), kong.Description("Push authentication that a company runs itself."),
		kong.Writers(p.Out, p.Err), kong.Exit(func(code int) { exited = code }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}), kong.Vars{"scopes": scopeNames()})
	if err != nil {
		_, _ = fmt.Fprintln(p.Err, "nodd:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if exited >= 0 {
		return exited // help was printed
	}
	if err != nil {
		_, _ = fmt.Fprintf(p.Err, "nodd: %v\n  -> `nodd --help` lists the commands, `nodd COMMAND --help` the flags\n", err)
		return exitUsage
	}
	k.BindTo(ctx, (*context.Context)(nil))
	if err := k.Run(&p, &c.Settings); err != nil {
		return p.report(err)
	}
	return exitOK
}

// remedied is an error with what to do about it.
type remedied struct {
	err    error
	remedy string
}

// Error implements error.
func (r *remedied) Error() string { return r.err.Error() }

// Unwrap returns the error behind it.
func (r *remedied) Unwrap() error { return r.err }

func withRemedy(err error, remedy string) error { return &remedied{err, remedy} }

func failure(remedy, format string, args ...any) error {
	return &remedied{fmt.Errorf(format, args...), remedy}
}

// report prints an error with its remedy and returns the exit code.
func (p *program) report(err error) int {
	var bad config.Problems
	if errors.As(err, &bad) {
		for _, line := range strings.Split(bad.Error(), "\n") {
			_, _ = fmt.Fprintln(p.Err, strings.TrimPrefix("nodd: "+line, "nodd:   "))
		}
		return exitUsage
	}
	text, remedy := explain(err)
	_, _ = fmt.Fprintln(p.Err, "nodd:", config.Redact(text))
	if remedy != "" {
		_, _ = fmt.Fprintln(p.Err, "  ->", remedy)
	}
	return exitFailed
}

// explain turns an error into words and a remedy: the command's own, or those of the registry that the API uses too.
func explain(err error) (text, remedy string) {
	text = err.Error()
	var f *fault.Error
	if errors.As(err, &f) {
		if e, ok := problem.Lookup(problem.Code(f.Code)); ok && e.Code != problem.Internal {
			text, remedy = e.Detail, e.Remedy
			if f.Detail != "" {
				text = f.Detail
			}
			if f.Member != "" {
				text = f.Member + ": " + text
			}
		}
	}
	var r *remedied
	if errors.As(err, &r) {
		if f == nil || !errors.As(r.err, &f) {
			text = err.Error()
		}
		remedy = r.remedy
	}
	return text, remedy
}

func (p *program) printf(format string, args ...any) { _, _ = fmt.Fprintf(p.Out, format, args...) }
