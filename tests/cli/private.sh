# For scripts of the cli suite that run in namespaces of their own: a machine that they may write to. They
# source this file after expect.sh.
# shellcheck shell=bash

# The machine's own /etc is copied, never written; /run and /var/lib are empty.
[[ $(readlink /proc/self/ns/mnt) != "${outside:?}" ]] || die "not in a mount namespace of its own"
cp -a /etc "${tmp:?}/etc"
mount --bind "$tmp/etc" /etc
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -p /etc/tazpod "$tmp/home"
printf '%s\n' "tazpod:x:61001:61001::/nowhere:/bin/sh" \
	"tazpod-ghost:x:61002:61002::$tmp/home:/usr/libexec/tazpod-shell" >>/etc/passwd

# settings LINE... writes them, after a cheap key derivation.
# shellcheck disable=SC2120 # most want none
settings() {
	printf '%s\n' 'kdf_memory: 32K' 'kdf_iterations: 4' "$@" >/etc/tazpod/tazpod.yaml
}
# shellcheck disable=SC2119 # as above
settings
