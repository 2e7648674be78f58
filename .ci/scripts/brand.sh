# Sourced after lib.sh by what builds and packages the app: the brand, the version, and what is made of them.
# shellcheck shell=bash disable=SC2034  # what is set here is used there

brand=${NOD_BRAND:-nod}
brand_dir=${root:?sourced after lib.sh}/assets/brands/$brand
[ -f "$brand_dir/brand.toml" ] || fail "there is no assets/brands/$brand/brand.toml"

# toml FILE KEY prints the value of the first `KEY = "value"` line.
toml() { sed -n "s/^$2 *= *\"\\([^\"]*\\)\".*/\\1/p" "$1" | head -n 1; }

brand_name=$(toml "$brand_dir/brand.toml" name)
brand_id=$(toml "$brand_dir/brand.toml" app_id)
brand_scheme=$(toml "$brand_dir/brand.toml" scheme)
brand_icon=$brand_dir/$(toml "$brand_dir/brand.toml" icon)
brand_command=$(printf '%s' "$brand_name" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9-')
brand_command=${brand_command:-nod}
app_version=$(toml FyneApp.toml Version)
app_comment=$(toml FyneApp.toml Comment)

# brand_overlay prints the path of a file that lets `go build` embed this brand in place of the built-in one.
brand_overlay() {
	local file=$root/build/brand/overlay.json embedded=$root/app/internal/resource/brand
	printf '{"Replace": {"%s": "%s", "%s": "%s"}}\n' "$embedded/brand.toml" "$brand_dir/brand.toml" \
		"$embedded/$(basename "$brand_icon")" "$brand_icon" >"$file"
	printf '%s' "$file"
}

# render_fyneapp puts FyneApp.toml with this brand's name and id beside app/main.go.
render_fyneapp() {
	sed -e "s/^Name = .*/Name = \"$brand_name\"/" -e "s/^ID = .*/ID = \"$brand_id\"/" FyneApp.toml >app/FyneApp.toml
}

# windows_resources makes the object with icon, version and manifest that go build links into the exe.
windows_resources() {
	local dir=$root/build/brand quad
	quad=$(printf '%s' "$app_version" | sed 's/[^0-9.].*//; s/\./,/g'),0
	convert "$brand_icon" -define icon:auto-resize=256,64,48,32,16 "$dir/app.ico"
	cat >"$dir/app.manifest" <<-XML
		<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
		<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
		<assemblyIdentity version="${quad//,/.}" processorArchitecture="*" name="$brand_id" type="win32"/>
		<application xmlns="urn:schemas-microsoft-com:asm.v3"><windowsSettings>
		<dpiAwareness xmlns="http://schemas.microsoft.com/SMI/2016/WindowsSettings">PerMonitorV2</dpiAwareness>
		</windowsSettings></application>
		<trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
		<requestedExecutionLevel level="asInvoker" uiAccess="false"/></requestedPrivileges></security></trustInfo>
		</assembly>
	XML
	cat >"$dir/app.rc" <<-RC
		1 ICON "$dir/app.ico"
		1 24 "$dir/app.manifest"
		1 VERSIONINFO FILEVERSION $quad PRODUCTVERSION $quad
		BEGIN BLOCK "StringFileInfo" BEGIN BLOCK "040904b0" BEGIN
		VALUE "ProductName", "$brand_name"
		VALUE "FileDescription", "$brand_name"
		VALUE "FileVersion", "$app_version"
		VALUE "ProductVersion", "$app_version"
		VALUE "OriginalFilename", "$brand_command.exe"
		END END BLOCK "VarFileInfo" BEGIN VALUE "Translation", 0x409, 1200 END END
	RC
	x86_64-w64-mingw32-windres -c 65001 -O coff -i "$dir/app.rc" -o "$root/app/nod_windows_amd64.syso"
}
