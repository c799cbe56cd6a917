# What the scripts under tests/native share; it stands on common.sh and guest.sh.
# shellcheck shell=bash

# native_world SUITE NAME prepares a world; what it needs of its own is in the folder `work`, of that name, which goes
# with this script.
native_world() {
	root=$("$TZ_TOP/tests/native/root" "$1")
	payload=$("$TZ_TOP/tests/guest/build" "$1")
	work=$TZ_OUT/native/$2
	mkdir -p "$TZ_OUT/native"
	local lock
	exec {lock}>"$work.lock"
	flock -n "$lock" || { say "Waiting for another one that uses $work."; flock "$lock"; }
	# What an earlier one left that was killed. Nothing is mounted there.
	rm -rf --one-file-system "$work"
	mkdir "$work"
	trap 'rm -rf --one-file-system "$work"' EXIT
	# Without libraries, so that one serves each of the Debians.
	# shellcheck disable=SC2046 # words
	cc -O2 -D_FILE_OFFSET_BITS=64 -D_GNU_SOURCE -static -o "$work/faulty" "$TZ_TOP/tests/native/faulty.c" \
		$(pkg-config --static --cflags --libs fuse3) 2>/dev/null
}

# in_world MODE [CASE...] has tests/native/world, in namespaces of its own, run the cases or a login. All that it makes
# goes with them: when unshare ends, and that when this script does.
in_world() {
	exec setpriv --pdeathsig KILL unshare --mount --pid --uts --ipc --net --fork --kill-child \
		"$TZ_TOP/tests/native/world" "$root" "$payload" "$work" "$@"
}
