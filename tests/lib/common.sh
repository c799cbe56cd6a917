# What the scripts under tests/ share. They source this file after `set -euo pipefail`.
# shellcheck shell=bash

TZ_TOP=${TZ_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
TZ_OUT=${TZ_OUT:-$TZ_TOP/tests/.out}
TZ_BUILD=${TZ_BUILD:-$TZ_OUT/build}
TZ_SRC=${TZ_SRC:-$TZ_OUT/src}
TAZPOD_CACHE=${TAZPOD_CACHE:-${HOME:-/root}/.cache/tazpod}
export TZ_TOP TZ_OUT TZ_BUILD TZ_SRC TAZPOD_CACHE

TZ_CONFIGURE=(--prefix=/usr --sysconfdir=/etc "--libdir=/usr/lib/$(uname -m)-linux-gnu"
	--libexecdir=/usr/libexec --localstatedir=/var)

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# package_list NAME [DEBIAN RELEASE] prints the names in tests/packages/NAME, less those meant for other releases.
package_list() {
	[[ -e $TZ_TOP/tests/packages/$1 ]] || return 0
	awk -v release="[${2-}]" '
		{ sub(/#.*/, "") }
		$1 ~ /^\[/ { if ($1 != release) next; $1 = "" }
		{ for (i = 1; i <= NF; i++) if ($i != "") print $i }' "$TZ_TOP/tests/packages/$1"
}

# as_root SCRIPT ARGUMENT... goes on when root, and otherwise starts the script again through sudo.
as_root() {
	(( EUID == 0 )) && return
	command -v sudo >/dev/null || die "must be root (there is no sudo)"
	exec sudo TAZPOD_CACHE="$TAZPOD_CACHE" TZ_OUT="$TZ_OUT" TAZPOD_MIRROR="${TAZPOD_MIRROR-}" "$@"
}

# source_files prints, each ended by a NUL, the files of the source tree: what git tracks or would, or all there is but what
# was built.
source_files() (
	cd "$TZ_TOP" || exit
	if [[ $(git rev-parse --show-toplevel 2>/dev/null) == "$PWD" ]]; then
		git ls-files -coz --exclude-standard | while IFS= read -rd '' file; do
			if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
		done
	else
		find . \( -path ./tests/.out -o -type d -path './build*' -o -name .git -o -name __pycache__ \) -prune -o ! -type d -printf '%P\0'
	fi
)

# copy_source FOLDER makes FOLDER's copy of the source tree match it. What a build made there stays.
copy_source() {
	mkdir -p "$1"
	source_files | LC_ALL=C sort -zu >"$1/.files.new"
	if [[ -e $1/.files ]]; then
		LC_ALL=C comm -z -23 "$1/.files" "$1/.files.new" | (cd "$1" && xargs -0r rm -f --)
	fi
	tar -C "$TZ_TOP" --null --no-recursion -T "$1/.files.new" -cf - | tar -C "$1" -xf -
	mv "$1/.files.new" "$1/.files"
}

# source_hash [PATTERN] prints a hash over the source tree's names, modes and contents, without those that match.
source_hash() {
	(
		cd "$TZ_TOP" || exit
		source_files | grep -zvE "${1-^$}" | LC_ALL=C sort -zu |
			tar --null --no-recursion -T - --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - | sha256sum | cut -c1-16
	)
}

# build_source FOLDER CONFIGURE-OPTION... builds TazPod in FOLDER, outside of its source.
build_source() {
	local folder=$1 made
	shift
	copy_source "$TZ_SRC"
	made=$(cd "$TZ_SRC" && find . -name configure.ac -o -name '*.am' | LC_ALL=C sort | xargs sha256sum)
	if [[ ! -e $TZ_SRC/configure || $(cat "$TZ_SRC/.configured" 2>/dev/null) != "$made" ]]; then
		(cd "$TZ_SRC" && if [[ -x autogen.sh ]]; then ./autogen.sh; else autoreconf -fi; fi)
		printf '%s\n' "$made" >"$TZ_SRC/.configured"
	fi
	mkdir -p "$folder"
	if [[ ! -e $folder/Makefile || $(cat "$folder/.configured" 2>/dev/null) != "$*" || $TZ_SRC/configure -nt $folder/config.status ]]; then
		(cd "$folder" && "$TZ_SRC/configure" "${TZ_CONFIGURE[@]}" "$@")
		printf '%s\n' "$*" >"$folder/.configured"
	fi
	make -C "$folder" -j"$(nproc)"
}
