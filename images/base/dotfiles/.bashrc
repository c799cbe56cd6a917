# shellcheck shell=bash disable=SC1090,SC1091
# The shell of both users. In the ghost shell TAZPOD_GHOST_MODE is set.
case $- in *i*) ;; *) return ;; esac

HISTCONTROL=ignoreboth
HISTSIZE=2000
shopt -s checkwinsize histappend

# What is typed in the ghost shell may hold secrets. tazpod-shell puts its history into the vault; into the home, which is
# not encrypted, none is written, nor what less and nano remember.
if [ -n "${TAZPOD_GHOST_MODE-}" ]; then
	[ "${HISTFILE-}" != "$HOME/.bash_history" ] || unset HISTFILE
	export LESSHISTFILE=-
	tz_where='(vault open) ' tz_colour='1;31'
else
	tz_where='' tz_colour='1;32'
fi

# Says where one is, in words as well as in colour.
if [ -z "${NO_COLOR-}" ] && [ "${TERM-dumb}" != dumb ]; then
	PS1="\[\e[${tz_colour}m\]${tz_where}\u@\h\[\e[0m\]:\[\e[1;34m\]\w\[\e[0m\]\\$ "
	alias ls='ls --color=auto' grep='grep --color=auto'
else
	PS1="${tz_where}\u@\h:\w\\$ "
fi
unset tz_where tz_colour

export EDITOR=nano PAGER=less
alias ll='ls -l' la='ls -la'

if [ -r /usr/share/bash-completion/bash_completion ]; then
	. /usr/share/bash-completion/bash_completion
fi
if [ -r ~/.bashrc.local ]; then
	. ~/.bashrc.local
fi
