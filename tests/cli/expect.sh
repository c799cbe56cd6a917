# What the scripts of the cli suite share. They source this file after common.sh, with $tazpod and $tmp set.
# shellcheck shell=bash

# shellcheck disable=SC2034 # the scripts end with it
failed=0
: "${tazpod:?}" "${tmp:?}"

pass() { echo "ok - $1"; }
fail() {
	echo "not ok - $1: $2"
	sed 's/^/# out: /' "$tmp/out"
	sed 's/^/# err: /' "$tmp/err"
	# shellcheck disable=SC2034
	failed=1
}

# expect NAME STATUS OUT ERR COMMAND... runs the command and asks for its exit status and, by extended regular
# expressions over the whole of it, for what it says on both streams. '' means that nothing is said, '*' anything.
expect() {
	local name=$1 status=$2 out=$3 err=$4 got=0
	shift 4
	"$@" >"$tmp/out" 2>"$tmp/err" || got=$?
	if (( got != status )); then
		fail "$name" "exit status $got, not $status"
	elif ! says "$tmp/out" "$out"; then
		fail "$name" "standard output is not as expected: $out"
	elif ! says "$tmp/err" "$err"; then
		fail "$name" "standard error is not as expected: $err"
	else
		pass "$name"
	fi
}

says() { # FILE EXPRESSION
	local text
	text=$(<"$1")
	case $2 in
	'*') ;;
	'') [[ ! $text ]] ;;
	*) [[ $text =~ $2 ]] ;;
	esac
}

# json NAME EXPRESSION COMMAND... asks a Python expression over the command's output, called it.
json() {
	local name=$1 expression=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" || true
	if python3 -c 'import json, sys
it = json.load(open(sys.argv[1]))
sys.exit(not eval("(" + sys.argv[2] + ")"))' "$tmp/out" "$expression" 2>>"$tmp/err"; then
		pass "$name"
	else
		fail "$name" "not so: $expression"
	fi
}

nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --no-new-privs -- "$@"; }
