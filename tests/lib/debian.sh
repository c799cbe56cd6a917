# Installs the Debians of the guest tests. A change in this file makes all of them anew.
# shellcheck shell=bash

# debian SUITE FOLDER PACKAGE... installs a minimal Debian in FOLDER.
debian() {
	local suite=$1 folder=$2
	shift 2
	mmdebstrap --mode=root --variant=minbase --include="$(IFS=,; echo "$*")" \
		--aptopt='Acquire::Retries "5"' --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
		"$suite" "$folder" ${TAZPOD_MIRROR:+"$TAZPOD_MIRROR"}
}
