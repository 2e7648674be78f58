// Command fakecheck type-checks Go packages for a system that this machine has no C compiler
// or SDK for: Android, iOS, macOS, Windows.
//
// It lists the packages with cgo on, as the target would build them, and runs go/types over
// their source with the C part taken as opaque: every Go mistake in a file such as
// keystore_android.go is found, no mistake in its C is. Packages of others are checked only
// as far as ours need them; it fails on errors in our own.
//
//	fakecheck -target android/arm64 -own github.com/nod-auth/nod ./mobile/...
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// listed is what `go list -json` tells of one package.
type listed struct {
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	ImportMap         map[string]string
	Standard          bool
	Error             *struct{ Err string }
}

func main() {
	target := flag.String("target", "", "system and processor, such as android/arm64")
	own := flag.String("own", "", "import path prefix of the packages whose errors count")
	tags := flag.String("tags", "", "build tags, comma separated")
	flag.Parse()
	goos, goarch, ok := strings.Cut(*target, "/")
	if !ok || *own == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	c := checker{
		own:  *own,
		arch: goarch,
		fset: token.NewFileSet(),
		done: map[string]*types.Package{"unsafe": types.Unsafe},
	}
	start := time.Now()
	if err := c.run(goos, *tags, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fakecheck:", err)
		os.Exit(1)
	}
	fmt.Printf("ok  \t%s %s\t%d own packages of %d\t%v\n", *target, strings.Join(flag.Args(), " "),
		c.ours, len(c.done)-1, time.Since(start).Round(time.Millisecond))
}

// checker holds what has been checked so far; `go list -deps` names a package after all it imports.
type checker struct {
	own, arch string
	fset      *token.FileSet
	done      map[string]*types.Package
	ours      int
	errs      []error
}

func (c *checker) run(goos, tags string, patterns []string) error {
	args := []string{"list", "-e", "-deps", "-tags", tags, "-json=ImportPath,Dir,GoFiles,CgoFiles,ImportMap,Standard,Error"}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+c.arch, "CGO_ENABLED=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	dec := json.NewDecoder(out)
	for {
		var p listed
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read go list: %w", err)
		}
		c.check(p)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	if c.ours == 0 {
		c.errs = append(c.errs, fmt.Errorf("no package under %s was found: nothing was checked", c.own))
	}
	return errors.Join(c.errs...)
}

// check parses and type-checks one package and keeps the result for those that import it.
func (c *checker) check(p listed) {
	if p.ImportPath == "unsafe" {
		return
	}
	mine := p.ImportPath == c.own || strings.HasPrefix(p.ImportPath, c.own+"/")
	report := func(err error) {
		if mine {
			c.errs = append(c.errs, err)
		}
	}
	if mine && p.Error != nil {
		// A package with no file for this target is none of its business.
		if strings.Contains(p.Error.Err, "build constraints exclude all Go files") {
			return
		}
		report(errors.New(p.Error.Err))
	}
	if mine {
		c.ours++
	}
	var files []*ast.File
	for _, name := range append(append([]string(nil), p.GoFiles...), p.CgoFiles...) {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			report(err)
			continue
		}
		files = append(files, file)
	}
	conf := types.Config{
		FakeImportC:      true,
		IgnoreFuncBodies: !mine,
		Sizes:            types.SizesFor("gc", c.arch),
		Error:            report,
		Importer: importer(func(path string) (*types.Package, error) {
			if mapped, ok := p.ImportMap[path]; ok {
				path = mapped
			}
			if found := c.done[path]; found != nil {
				return found, nil
			}
			return nil, fmt.Errorf("not listed: %s", path)
		}),
	}
	// The error is the first one that report has already seen.
	checked, _ := conf.Check(p.ImportPath, c.fset, files, nil)
	c.done[p.ImportPath] = checked
}

type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }
