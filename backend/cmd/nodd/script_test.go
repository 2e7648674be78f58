package main

import (
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"nodd": main}) }

// The scripts drive the program as an operator does. Each has a free address in $ADDR and $ADDR2.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for _, name := range []string{"ADDR", "ADDR2"} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				e.Setenv(name, l.Addr().String())
				if err := l.Close(); err != nil {
					return err
				}
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "sql": sqlCommand, "mode": mode, "field": field, "get": get,
		},
	})
}

// await ADDRESS waits until a server is ready there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for {
		res, err := http.DefaultTransport.RoundTrip(request(ts, args[0], "/readyz", ""))
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("no server at %s: %v", args[0], err)
		}
	}
}

func request(ts *testscript.TestScript, address, path, key string) *http.Request {
	req, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	ts.Check(err)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return req
}

// get ADDRESS PATH KEY STATUS asks a running server.
func get(ts *testscript.TestScript, neg bool, args []string) {
	res, err := http.DefaultTransport.RoundTrip(request(ts, args[0], args[1], args[2]))
	ts.Check(err)
	defer res.Body.Close()
	if ok := fmt.Sprint(res.StatusCode) == args[3]; ok == neg {
		ts.Fatalf("status %d", res.StatusCode)
	}
}

// sql FILE STATEMENT changes a database behind the program's back.
func sqlCommand(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("sqlite3", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec(args[1])
	ts.Check(err)
}

// mode FILE OCTAL checks a file's permissions.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// field NAME FILE WORD N keeps the N-th field of the first line that starts with WORD in the variable NAME. WORD * is any.
func field(ts *testscript.TestScript, _ bool, args []string) {
	for _, line := range strings.Split(ts.ReadFile(args[1]), "\n") {
		f := strings.Fields(line)
		if len(f) > 0 && (f[0] == args[2] || args[2] == "*") {
			var n int
			_, err := fmt.Sscan(args[3], &n)
			ts.Check(err)
			ts.Setenv(args[0], f[n])
			return
		}
	}
	ts.Fatalf("no line with %s in %s", args[2], filepath.Base(args[1]))
}
