# shellcheck shell=sh
# The ghost shell gets the project's secrets at its start; `tazpod env`, typed in it, and `tazpod pull` bring in what has
# changed since. /etc/profile sources this, and so it is for sh and bash. For zsh, source it in ~/.zprofile.
# An alias of this name would be put in the place of the function's, while that is read.
[ "${TAZPOD_GHOST_MODE-}" != true ] || unalias tazpod 2>/dev/null || :
if [ "${TAZPOD_GHOST_MODE-}" = true ]; then
	# What is evaluated is never traced: with set -x the shell would show the values.
	if [ -n "${ZSH_VERSION-}" ]; then
		tazpod_refresh() {
			setopt localoptions noxtrace 2>/dev/null
			eval "$(command tazpod env --shell zsh || echo false)"
		}
	elif [ -n "${BASH_VERSION-}" ]; then
		tazpod_refresh() {
			# shellcheck disable=SC3043 # bash has it
			local -
			{ set +x; } 2>/dev/null
			eval "$(command tazpod env --shell bash || echo false)"
		}
	else
		tazpod_refresh() {
			case $- in
			*x*)
				{ set +x; } 2>/dev/null
				if eval "$(command tazpod env --shell sh || echo false)"; then set -x; else set -x; return 1; fi ;;
			*) eval "$(command tazpod env --shell sh || echo false)" ;;
			esac
		}
	fi

	tazpod() {
		case ${1-} in
		env)
			# in "$(tazpod env)" it is not typed to see anything happen
			if [ "$#" -eq 1 ] && [ -t 1 ]; then tazpod_refresh; else command tazpod "$@"; fi ;;
		pull | sync)
			# what was pulled counts, even where something is missing
			if command tazpod "$@"; then set -- 0; else set -- "$?"; fi
			tazpod_refresh || :
			return "$1" ;;
		*) command tazpod "$@" ;;
		esac
	}

	# A secrets.yml that is wrong keeps nobody out: the reason is told, and the shell starts.
	tazpod_refresh || :
	case $- in
	*i*) command tazpod status --brief || : ;;
	esac
fi
