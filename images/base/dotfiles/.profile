# Read by login shells, which is what `tazpod ssh` and `tazpod unlock` start.
if [ -d "$HOME/.local/bin" ]; then
	PATH=$HOME/.local/bin:$PATH
fi
if [ -n "${BASH_VERSION-}" ] && [ -r "$HOME/.bashrc" ]; then
	. "$HOME/.bashrc"
fi
