#!/usr/bin/env bash
# Builds the desktop app into build/bin/nod. OpenGL ES draws the same pixels and compiles four times faster.
# NOD_BRAND=<folder of assets/brands> builds another company's app, named as its brand file says.
# With `windows` it cross-compiles build/bin/<name>.exe with icon and version; it draws by OpenGL.
source "$(dirname "$0")/lib.sh"
source .ci/scripts/brand.sh

need_go
system=${1:-$(go env GOOS)}
mkdir -p build/bin build/brand
render_fyneapp
flags=(-trimpath -overlay "$(brand_overlay)")
link="-s -w -X main.version=$app_version"
case $system in
linux)
	need_debs "${app_debs[@]}"
	target=build/bin/$brand_command
	(cd app && go build "${flags[@]}" -ldflags "$link" -tags gles -o "$root/$target" .)
	;;
windows)
	need_debs gcc-mingw-w64-x86-64 imagemagick
	target=build/bin/$brand_command.exe
	windows_resources
	trap 'rm -f "$root/app/nod_windows_amd64.syso"' EXIT
	(cd app && CC=x86_64-w64-mingw32-gcc CGO_ENABLED=1 GOOS=windows GOARCH=amd64 \
		go build "${flags[@]}" -ldflags "$link -H=windowsgui" -o "$root/$target" .)
	;;
*)
	target=build/bin/$brand_command
	(cd app && go build "${flags[@]}" -ldflags "$link" -o "$root/$target" .)
	;;
esac
say "built: $brand_name $app_version for $system -> $target"
