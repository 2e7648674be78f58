#!/usr/bin/env bash
# Packages what can be installed, into build/packages.
#   linux    the app as .tar.xz and .deb (menu entry, icon, handler of invitation links), the server's programs as .tar.xz
#   windows  the app's executable with icon and version, zipped; cross-compiled
# NOD_BRAND=<folder of assets/brands> packages another company's app. The same sources give the same bytes.
source "$(dirname "$0")/lib.sh"
source .ci/scripts/brand.sh

need_go
packages=$root/build/packages
mkdir -p "$packages"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# archive NAME DIR packs the content of a folder under the name.
archive() {
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
		--transform "s,^\\.,$1," -C "$2" -cJf "$packages/$1.tar.xz" .
}

# app_tree ROOT lays the app out as it is installed below /usr.
app_tree() {
	local usr=$1/usr
	install -D -m 755 "build/bin/$brand_command" "$usr/bin/$brand_command"
	install -D -m 644 "$brand_icon" "$usr/share/pixmaps/$brand_id.png"
	if [ -f "${brand_icon%.png}.svg" ]; then
		install -D -m 644 "${brand_icon%.png}.svg" "$usr/share/icons/hicolor/scalable/apps/$brand_id.svg"
	fi
	install -D -m 644 LICENSE "$usr/share/doc/$brand_command/copyright"
	install -m 644 app/internal/resource/fonts/OFL.txt "$usr/share/doc/$brand_command/Inter-OFL.txt"
	mkdir -p "$usr/share/applications"
	cat >"$usr/share/applications/$brand_id.desktop" <<-DESKTOP
		[Desktop Entry]
		Type=Application
		Name=$brand_name
		GenericName=$(toml FyneApp.toml GenericName)
		Comment=$app_comment
		Exec=$brand_command %u
		Icon=$brand_id
		Terminal=false
		Categories=Utility;Security;
		MimeType=x-scheme-handler/$brand_scheme;
		StartupWMClass=$brand_name
	DESKTOP
	if have desktop-file-validate; then desktop-file-validate "$usr/share/applications/$brand_id.desktop"; fi
}

# deb makes the Debian package. Debian's own triggers refresh menu and link handlers.
deb() {
	local dir=$work/deb arch
	arch=$(dpkg --print-architecture)
	app_tree "$dir"
	mkdir -p "$dir/DEBIAN"
	cat >"$dir/DEBIAN/control" <<-CONTROL
		Package: $brand_command-authenticator
		Version: $app_version
		Architecture: $arch
		Maintainer: The $brand_name project <security@nod.invalid>
		Installed-Size: $(du -sk "$dir/usr" | cut -f 1)
		Depends: libc6, libgl1, libgles2, libegl1, libx11-6, libxcursor1, libxrandr2, libxinerama1, libxi6, libxxf86vm1, libxkbcommon0, libwayland-client0, libwayland-cursor0, libwayland-egl1
		Recommends: gnome-keyring | kwalletmanager, xclip | wl-clipboard
		Section: utils
		Priority: optional
		Description: $app_comment
		 An authenticator that shows who asks, what and from where, and signs your
		 answer with a key that stays on this computer.
	CONTROL
	dpkg-deb --root-owner-group -Zxz --build "$dir" "$packages/${brand_command}_${app_version}_$arch.deb" >/dev/null
}

case ${1:-} in
linux)
	.ci/scripts/app.sh linux
	.ci/scripts/build.sh
	app_tree "$work/app"
	# shellcheck disable=SC2016  # make expands it
	printf 'prefix ?= $(HOME)/.local\ninstall:\n\tmkdir -p $(prefix)\n\tcp -R usr/. $(prefix)/\n\t-update-desktop-database $(prefix)/share/applications\n' >"$work/app/Makefile"
	archive "$brand_command-$app_version-linux-$(go env GOARCH)" "$work/app"
	if have dpkg-deb; then deb; else say "no dpkg-deb here: no .deb"; fi
	mkdir -p "$work/server"
	install -m 755 build/bin/nodd build/bin/nodsim "$work/server"
	install -m 644 LICENSE "$work/server"
	archive "nod-server-$app_version-linux-$(go env GOARCH)" "$work/server"
	;;
windows)
	need_debs zip
	.ci/scripts/app.sh windows
	install -D -m 755 "build/bin/$brand_command.exe" "$work/win/$brand_name.exe"
	install -m 644 LICENSE "$work/win/LICENSE.txt"
	install -m 644 app/internal/resource/fonts/OFL.txt "$work/win/Inter-OFL.txt"
	touch -d "@$SOURCE_DATE_EPOCH" "$work/win"/*
	rm -f "$packages/$brand_command-$app_version-windows-amd64.zip"
	(cd "$work/win" && zip -q -X -9 "$packages/$brand_command-$app_version-windows-amd64.zip" ./*)
	;;
*) fail "usage: package.sh linux|windows" ;;
esac
ls -l "$packages" >&2
