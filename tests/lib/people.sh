# The people of the test Debians, and their workplace.
# shellcheck shell=bash

hash_of() { openssl passwd -6 -salt tazpod "$1"; }

# people ROOT makes them: their passwords are "public", "other" and "root"; the ghost has none.
people() {
	local root=$1
	# shellcheck disable=SC2016 # expanded there
	chroot "$root" sh -euc '
		useradd -m -u 1000 -s /bin/bash -p "$3" tazpod
		useradd -M -u 1001 -s /bin/bash -p "*" -d /home/tazpod-ghost tazpod-ghost
		useradd -m -u 1002 -s /bin/bash -p "$1" other
		usermod -p "$2" root' sh "$(hash_of other)" "$(hash_of root)" "$(hash_of public)"
	install -d -m 755 -o 1000 -g 1000 "$root/workspace" "$root/workspace/.tazpod"
	install -d -m 700 -o 1000 -g 1000 "$root/workspace/.tazpod/vault"
	ls "$root"/etc/ssh/ssh_host_*_key >/dev/null || chroot "$root" ssh-keygen -A
}
