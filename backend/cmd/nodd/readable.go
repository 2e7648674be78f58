package main

import (
	"context"
	"os"
	"runtime"
)

// warnReadable tells which of the files that hold secrets, or who signs in where, any user of this machine can read. It refuses none:
// some platforms mount them so. The key file, which opens the others, is refused (T41).
func (s *server) warnReadable(ctx context.Context) {
	if runtime.GOOS == "windows" { // no such bits
		return
	}
	for _, path := range []string{s.config.Data, s.config.TLS.Key, s.config.PushFile} {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o007 != 0 {
			s.log.WarnContext(ctx, "every user of this machine can read a file that holds secrets: chmod 0600", "file", path)
		}
	}
}
