#!/bin/bash
# Installs TazPod on this Debian or Ubuntu: what it is built with, TazPod itself, its user and its PAM lines.
# usage: sudo ./install.sh [option of tazpod-setup...]
#        sudo ./install.sh --files-only     for a host of containers: no user, and no PAM lines
set -euo pipefail
self=$(readlink -f "${BASH_SOURCE[0]}")
cd "${self%/*}"
# shellcheck source=tests/lib/common.sh
. tests/lib/common.sh
files_only=''
for argument; do
	case $argument in
	-h | --help)
		sed -n '2,4s/^# //p' "$self"
		exit ;;
	--files-only) files_only=1 ;;
	esac
done
(( EUID == 0 )) || die "must be root: run 'sudo ./install.sh'"
command -v apt-get >/dev/null || die "this is no Debian or Ubuntu: build with ./autogen.sh && ./configure && make install,
then run tazpod-setup"
TZ_OUT=$TZ_TOP/build-install TZ_BUILD=$TZ_TOP/build-install/build TZ_SRC=$TZ_TOP/build-install/src
mkdir -p "$TZ_OUT"
log=$TZ_OUT/install.log

# step WHAT COMMAND... runs a command, and shows what it said only when it fails.
step() {
	echo "-- $1"
	"${@:2}" >>"$log" 2>&1 </dev/null || { tail -n 30 "$log"; die "$1 failed; all of it is in $log"; }
}

install_packages() {
	local packages
	mapfile -t packages < <(package_list base; echo e2fsprogs)
	apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
}

: >"$log"
step "installing what it is built with" install_packages
step "building" build_source "$TZ_BUILD"
step "installing" make -C "$TZ_BUILD" install
if [[ ! $files_only ]]; then tazpod-setup "$@"; fi
