# shellcheck shell=sh
# The ghost shell gets the project's secrets at its start; `tazpod env`, typed in it, and `tazpod pull` bring in what has
# changed since. /etc/profile sources this, and so it is for sh and bash. For zsh, source it in ~/.zprofile.
if [ "${TAZPOD_GHOST_MODE-}" = true ]; then
	if [ -n "${ZSH_VERSION-}" ]; then
		tazpod_refresh() { eval "$(command tazpod env --shell zsh || echo false)"; }
	elif [ -n "${BASH_VERSION-}" ]; then
		tazpod_refresh() { eval "$(command tazpod env --shell bash || echo false)"; }
	else
		tazpod_refresh() { eval "$(command tazpod env --shell sh || echo false)"; }
	fi

	tazpod() {
		case ${1-} in
		env)
			# in "$(tazpod env)" it is not typed to see anything happen
			if [ "$#" -eq 1 ] && [ -t 1 ]; then tazpod_refresh; else command tazpod "$@"; fi ;;
		pull | sync)
			command tazpod "$@"
			# what was pulled counts, even where something is missing
			set -- "$?"
			tazpod_refresh
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
