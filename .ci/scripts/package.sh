#!/usr/bin/env bash
# Packages what can be installed: `linux` gives an archive of the programs and the app,
# `windows` the app's executable, cross-compiled. Results land in build/packages.
source "$(dirname "$0")/lib.sh"

need_go
mkdir -p build/packages
case ${1:-} in
linux)
	.ci/scripts/build.sh
	.ci/scripts/app.sh
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime='@0' -C build/bin -czf build/packages/nod-linux-"$(go env GOARCH)".tar.gz nodd nodsim nod
	;;
windows)
	[ -f app/main.go ] || fail "app/main.go does not exist yet"
	need_debs gcc-mingw-w64-x86-64
	(cd app && CC=x86_64-w64-mingw32-gcc CGO_ENABLED=1 GOOS=windows GOARCH=amd64 \
		go build -trimpath -ldflags '-s -w -H=windowsgui' -o ../build/packages/Nod.exe .)
	;;
*) fail "usage: package.sh linux|windows" ;;
esac
ls -l build/packages >&2
