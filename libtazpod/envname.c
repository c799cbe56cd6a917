#include "envname.h"

#include <string.h>

#include "wellformed.h"

/* Names with a blank between any two; a '*' at the end of one is for whatever follows, nothing included. */
static const struct {
	const char *what, *names;
} dangers[] = {
	{ "how programs are loaded",
	  "LD_* DYLD_* GLIBC_TUNABLES GCONV_PATH GETCONF_DIR LOCPATH NLSPATH MALLOC_* LIBPATH SHLIB_PATH "
	  "GIO_EXTRA_MODULES GIO_MODULE_DIR GTK_MODULES GTK_PATH QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH "
	  "OPENSSL_CONF OPENSSL_CONF_INCLUDE OPENSSL_ENGINES OPENSSL_MODULES SASL_PATH KRB5_CONFIG "
	  "LIBGL_DRIVERS_PATH" },
	{ "which programs are found",
	  "PATH path EXECIGNORE CDPATH cdpath commands builtins functions aliases galiases saliases dis_* "
	  "nameddirs userdirs" },
	{ "what the shell runs",
	  "ENV BASH BASH_* BASHOPTS BASHPID SHELLOPTS PROMPT_COMMAND PROMPT_DIRTRIM PS0 PS1 PS2 PS3 PS4 RPS1 RPS2 "
	  "PROMPT PROMPT2 PROMPT3 PROMPT4 PROMPT_EOL_MARK prompt RPROMPT RPROMPT2 SPROMPT POSTEDIT FPATH fpath "
	  "ZDOTDIR module_path MODULE_PATH modules MAIL MAILPATH MAILCHECK mailpath NULLCMD READNULLCMD FCEDIT "
	  "INPUTRC READLINE_* COMP_* COMPREPLY COPROC ZSH_* zsh_* fish_* __fish_* PSModulePath "
	  "PSExecutionPolicyPreference chpwd_functions periodic_functions precmd_functions preexec_functions "
	  "zshaddhistory_functions zshexit_functions PERIOD TRY_BLOCK_* DIRENV_* "
	  "FZF_*" },
	{ "how the shell reads what is typed, and shows it",
	  "IFS POSIXLY_CORRECT FIGNORE fignore GLOBIGNORE GLOBSORT HISTCHARS histchars WORDCHARS ZLE_* zle_* "
	  "KEYBOARD_HACK KEYTIMEOUT keymaps widgets REPORTTIME REPORTMEMORY TIMEFMT TIMEFORMAT LISTMAX BAUD "
	  "STTY TTY TTYIDLE TMOUT TMPPREFIX TMPSUFFIX WATCH watch WATCHFMT LOGCHECK IGNOREEOF ignoreeof "
	  "auto_resume FUNCNEST CHILD_MAX HOSTFILE DIRSTACK dirstack DIRSTACKSIZE LS_COLORS" },
	{ "what the shell keeps of what is typed",
	  "HISTFILE HISTSIZE SAVEHIST HISTCMD HISTCONTROL HISTFILESIZE HISTIGNORE HISTTIMEFORMAT HISTORY_IGNORE "
	  "history historywords" },
	{ "what the shell knows of itself",
	  "_ ARGC ARGV0 argv status status_generation pipestatus PIPESTATUS CMD_DURATION CPUTYPE EGID EUID GID "
	  "UID PPID USERNAME GROUPS errnos RANDOM SRANDOM SECONDS EPOCHSECONDS EPOCHREALTIME epochtime LINENO "
	  "OPTARG OPTERR OPTIND OSTYPE HOSTTYPE MACHTYPE VENDOR HOST HOSTNAME hostname FUNCNAME funcstack "
	  "funcsourcetrace funcfiletrace functrace functions_source MAPFILE mapfile REPLY reply SHLVL PWD "
	  "OLDPWD dirprev dirnext umask version FISH_VERSION signals psvar PSVAR parameters options reswords "
	  "patchars jobdirs jobstates jobtexts usergroups sysparams terminfo termcap langinfo MATCH MBEGIN MEND "
	  "match mbegin mend ZCURSES_* zcurses_* ZFTP_* zgdbm_tied" },
	{ "where programs look for their files",
	  "HOME XDG_* TMPDIR TMP TEMP TEMPDIR INFOPATH MANPATH manpath GNUPGHOME CURL_HOME WGETRC TZDIR "
	  "TERMINFO* TERMCAP TERMPATH CVSROOT" },
	{ "who programs think you are",
	  "USER LOGNAME" },
	{ "which programs others run",
	  "SHELL EDITOR VISUAL PAGER MANPAGER BROWSER SUDO_* SSH_ASKPASS SSH_ASKPASS_REQUIRE SSH_AUTH_SOCK "
	  "GPG_AGENT_INFO LESS* MORE MANOPT MANROFFOPT MANROFFSEQ SYSTEMD_EDITOR SYSTEMD_LESS SYSTEMD_PAGER "
	  "SYSTEMD_PAGERSECURE KUBE_EDITOR PSQL_EDITOR PSQL_PAGER PSQLRC GH_BROWSER GH_EDITOR GH_PAGER "
	  "BAT_PAGER BAT_CONFIG_PATH DELTA_PAGER RSYNC_RSH CVS_RSH SVN_SSH SVN_EDITOR BORG_RSH HG HGEDITOR "
	  "HGMERGE HGRCPATH TAR_OPTIONS GREP_OPTIONS TAPE VIM VIMINIT VIMRUNTIME MYVIMRC EXINIT NVIM_* "
	  "EMACSLOADPATH EMACSDATA EMACSPATH ALTERNATE_EDITOR DBUS_* TMUX* SCREENRC" },
	{ "what git runs",
	  "GIT_ASKPASS GIT_EDITOR GIT_SEQUENCE_EDITOR GIT_PAGER GIT_SSH GIT_SSH_COMMAND GIT_SSH_VARIANT "
	  "GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_DIFF_OPTS GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_CONFIG* GIT_DIR "
	  "GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES "
	  "GIT_NAMESPACE GIT_CEILING_DIRECTORIES GIT_DISCOVERY_ACROSS_FILESYSTEM GIT_ATTR_* GIT_ALLOW_PROTOCOL "
	  "GIT_PROTOCOL_FROM_USER GIT_TRACE* GIT_TR2_* GIT_SHELL_PATH GIT_PS1_*" },
	{ "what an interpreter or a compiler runs",
	  "PYTHON* PERL5* PERLLIB PERLIO PERL_UNICODE RUBYLIB RUBYLIB_PREFIX RUBYOPT RUBYPATH RUBYSHELL "
	  "GEM_HOME GEM_PATH BUNDLE_GEMFILE BUNDLE_PATH NODE_OPTIONS NODE_PATH NODE_REPL_* NODE_CHANNEL_* "
	  "BUN_OPTIONS JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JDK_JAVAC_OPTIONS JAVA_OPTS JAVA_HOME "
	  "IBM_JAVA_OPTIONS OPENJ9_JAVA_OPTIONS CLASSPATH MAVEN_OPTS MAVEN_ARGS GRADLE_OPTS GRADLE_USER_HOME "
	  "SBT_OPTS ANT_OPTS LUA_* PHPRC PHP_INI_SCAN_DIR R_ENVIRON* R_HOME R_LIBS* R_PROFILE* JULIA_* "
	  "OCAMLRUNPARAM CAML_LD_LIBRARY_PATH GUILE_* TCLLIBPATH TCL_LIBRARY TK_LIBRARY ERL_* "
	  "ELIXIR_ERL_OPTIONS AWKPATH AWKLIBPATH GOFLAGS GOROOT GOPATH GOBIN GOENV GOTOOLCHAIN GOTOOLDIR "
	  "GODEBUG RUSTC RUSTC_* RUSTDOC* RUSTFLAGS RUSTUP_* CARGO CARGO_HOME CARGO_BUILD_* CARGO_TARGET_* CC "
	  "CXX CPP LD AR AS CFLAGS CXXFLAGS CPPFLAGS LDFLAGS CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH "
	  "OBJC_INCLUDE_PATH LIBRARY_PATH COMPILER_PATH GCC_EXEC_PREFIX CCACHE_* DISTCC_* MAKE MAKEFLAGS "
	  "MAKEFILES GNUMAKEFLAGS MFLAGS MAKESHELL CMAKE_* PKG_CONFIG* ACLOCAL_PATH CONFIG_SHELL CONFIG_SITE "
	  "DOTNET_ADDITIONAL_DEPS DOTNET_ROOT* DOTNET_SHARED_STORE DOTNET_STARTUP_HOOKS CORECLR_* "
	  "COR_ENABLE_PROFILING COR_PROFILER* npm_config_* NPM_CONFIG_USERCONFIG NPM_CONFIG_GLOBALCONFIG "
	  "NPM_CONFIG_NODE_OPTIONS NPM_CONFIG_SCRIPT_SHELL NVM_DIR" },
	{ "whether programs check whom they talk to",
	  "GIT_SSL_NO_VERIFY NODE_TLS_REJECT_UNAUTHORIZED GOINSECURE GONOSUMDB GONOSUMCHECK GOSUMDB" },
	{ "how names are resolved",
	  "HOSTALIASES LOCALDOMAIN RES_OPTIONS RESOLV_* NIS_PATH" },
	{ "in which language and character set programs speak",
	  "LANG LANGUAGE LC_* OUTPUT_CHARSET" },
	{ "how programs use the terminal",
	  "TERM COLUMNS LINES COLORTERM DISPLAY WAYLAND_DISPLAY XAUTHORITY" },
	{ "what TazPod does",
	  "TAZPOD_*" },
};

#define DANGERS (sizeof(dangers) / sizeof(dangers[0]))

bool tz_envname_is_legal(const char *name, size_t size)
{
	char copy[TZ_ENVNAME_MAX + 1];

	if (size == 0 || size > TZ_ENVNAME_MAX || memchr(name, '\0', size))
		return false;
	memcpy(copy, name, size);
	copy[size] = '\0';
	return tz_is_variable_name(copy);
}

static bool is_among(const char *name, const char *names)
{
	size_t size = strlen(name);

	while (*names) {
		size_t word = strcspn(names, " ");

		if (names[word - 1] == '*' ? strncmp(name, names, word - 1) == 0 :
					     size == word && strncmp(name, names, word) == 0)
			return true;
		names += word;
		names += strspn(names, " ");
	}
	return false;
}

const char *tz_envname_danger(const char *name)
{
	for (size_t i = 0; i < DANGERS; i++)
		if (is_among(name, dangers[i].names))
			return dangers[i].what;
	return NULL;
}
