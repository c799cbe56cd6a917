#!/bin/sh
# Makes ./configure from a fresh checkout. Needs autoconf, automake, libtool, pkg-config and autoconf-archive.
set -eu
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf --force --install --warnings=all
