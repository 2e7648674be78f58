#!/usr/bin/env bash
# Makes a machine ready to build and test: checks Go, installs the compiler and the desktop app's
# headers where they are missing, fetches the Go modules. Quick and quiet when all is there.
source "$(dirname "$0")/lib.sh"

need_go
need_cc
need_debs make git "${app_debs[@]}"
go mod download
say "ready: $(go env GOVERSION), modules fetched. Next: make demo, make test"
