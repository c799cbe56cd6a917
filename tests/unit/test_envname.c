/* The shells that are asked: tests/packages/unit has them. */
#include "unit.h"

#include "libtazpod/cleanup.h"
#include "libtazpod/envname.h"

static void test_legal(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'A', sizeof(name));
	assert_true(tz_envname_is_legal("A", 1));
	assert_true(tz_envname_is_legal("_", 1));
	assert_true(tz_envname_is_legal("a_Z09", 5));
	assert_true(tz_envname_is_legal("AB=", 2));
	assert_true(tz_envname_is_legal(name, 255));
	assert_false(tz_envname_is_legal(name, 256));
	assert_false(tz_envname_is_legal("A", 0));
	assert_false(tz_envname_is_legal("1A", 2));
	assert_false(tz_envname_is_legal("A=", 2));
	assert_false(tz_envname_is_legal("A B", 3));
	assert_false(tz_envname_is_legal("A-B", 3));
	assert_false(tz_envname_is_legal("A\n", 2));
	assert_false(tz_envname_is_legal("A\0B", 3));
	assert_false(tz_envname_is_legal("A\0", 2));
	assert_false(tz_envname_is_legal("\xc3\xa4", 2));
}

static void expect_danger(const char *name, const char *what)
{
	const char *danger = tz_envname_danger(name);

	if (!danger)
		fail_msg("%s is taken for harmless", name);
	else if (what)
		assert_string_equal(danger, what);
}

static void test_dangerous(void **state)
{
	static const char *const names[] = {
		"LD_AUDIT", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "BASHOPTS",
		"ENV", "BASH_ENV", "BASH_FUNC_ls", "SHELLOPTS", "IFS", "PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "RPROMPT",
		"CDPATH", "FPATH", "ZDOTDIR", "HOME", "SHELL", "USER", "LOGNAME", "VISUAL", "PAGER", "MANPAGER", "BROWSER",
		"GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_EXEC_PATH", "LESSOPEN", "LESSCLOSE", "LESS",
		"PYTHONPATH", "PYTHONSTARTUP", "PERL5LIB", "PERL5OPT", "RUBYOPT", "RUBYLIB", "NODE_OPTIONS", "NODE_PATH",
		"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "LUA_INIT_5_4", "PHPRC", "OPENSSL_CONF",
		"OPENSSL_MODULES", "OPENSSL_ENGINES", "SSH_ASKPASS", "TERMINFO", "TERMINFO_DIRS", "TZDIR", "XDG_CONFIG_DIRS",
		"XDG_DATA_DIRS", "XDG_CONFIG_HOME", "HISTFILE", "DBUS_SESSION_BUS_ADDRESS", "LC_ALL", "LANG", "MAILPATH",
		"INPUTRC", "TAR_OPTIONS", "FISH_VERSION", "fish_greeting", "fish_user_paths", "__fish_data_dir", "argv", "status",
		"umask", "version", "READNULLCMD", "TMOUT", "PSModulePath", "_", "npm_config_git", "Npm_Config_Script_Shell",
		"INFISICAL_DOMAIN", "INFISICAL_API_URL", "GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL", "EMAIL", "SSH_SK_HELPER",
		"GROFF_BIN_PATH", "SSL_CERT_FILE", "GOCACHEPROG", "TF_CLI_ARGS_plan", "ERRNO",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_danger(names[i], NULL);
	expect_danger("LD_PRELOAD", "how programs are loaded");
	expect_danger("LD_", "how programs are loaded");
	expect_danger("PATH", "which programs are found");
	expect_danger("PROMPT_COMMAND", "what the shell runs");
	expect_danger("EDITOR", "which programs others run");
	expect_danger("GIT_SSH", "what git runs");
	expect_danger("TAZPOD_ANYTHING", "what TazPod does");
}

/* What users have secrets for, and what only begins or ends as a dangerous name does. */
static void test_harmless(void **state)
{
	static const char *const names[] = {
		"KUBECONFIG", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE",
		"GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL", "TOKEN", "PASSWORD", "http_proxy", "https_proxy", "HTTPS_PROXY",
		"no_proxy", "GITHUB_TOKEN", "GITLAB_TOKEN", "GIT_TOKEN", "GIT_PASSWORD", "NPM_CONFIG__AUTHTOKEN", "NPM_TOKEN",
		"CARGO_REGISTRY_TOKEN", "RUBYGEMS_API_KEY", "PYPI_TOKEN", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_PASSWORD",
		"VAULT_ADDR", "VAULT_TOKEN", "PGPASSWORD", "PGPASSFILE", "MYSQL_PWD", "REDIS_URL", "TF_VAR_token", "OPENAI_API_KEY",
		"ANTHROPIC_API_KEY", "SENTRY_DSN", "SMTP_PASSWORD", "PROMPT_API_KEY", "INFISICAL_TOKEN", "A", "a",
		"PATHS", "MYPATH", "XPATH", "_PATH", "HOMEPAGE", "USERS", "USER_NAME", "LDAP_PASSWORD", "L", "PS", "PS5",
		"ENVIRONMENT", "SHELL_TOKEN", "PS1_", "Path", "Env",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (tz_envname_danger(names[i]))
			fail_msg("%s changes %s", names[i], tz_envname_danger(names[i]));
}

/* Every name that the shell prints must be refused. at_least: fewer, and the shell was not asked. */
static void ask(const char *program, const char *command, unsigned int at_least)
{
	_cleanup_free_ char *line = NULL;
	unsigned int count = 0, missing = 0;
	size_t room = 0;
	FILE *answer;
	int status;

	if (access(program, X_OK) < 0)
		unit_skip(program);
	answer = popen(command, "re");
	assert_non_null(answer);
	while (getline(&line, &room, answer) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!tz_envname_is_legal(line, strlen(line)))
			continue;
		count++;
		if (!tz_envname_danger(line)) {
			print_message("           %s has a variable %s\n", program, line);
			missing++;
		}
	}
	status = pclose(answer);
	if (count < at_least)
		fail_msg("%s named %u variables only, and ended with %d", program, count, status);
	assert_int_equal(missing, 0);
}

static void test_dash(void **state)
{
	(void)state;
	ask("/usr/bin/dash", "env -i /usr/bin/dash -c set | sed 's/=.*//'", 5);
}

static void test_bash(void **state)
{
	(void)state;
	ask("/usr/bin/bash", "env -i /usr/bin/bash --noprofile --norc -c 'compgen -v'", 30);
	ask("/usr/bin/bash", "env -i /usr/bin/bash --noprofile --norc -i -c 'compgen -v' 2>/dev/null </dev/null", 30);
}

/* With all modules that can be loaded; zsh/example makes three as an example, and is for nobody's use. */
static void test_zsh(void **state)
{
	static const char modules[] = "for TMP in $module_path[1]/zsh/**/*.so; do TMP=zsh/${${TMP#$module_path[1]/zsh/}:r}; "
				      "[[ $TMP == zsh/example ]] || zmodload $TMP 2>/dev/null; done; print -l ${(k)parameters}";
	char command[512];

	(void)state;
	ask("/usr/bin/zsh", "env -i /usr/bin/zsh -fc 'zmodload zsh/parameter; print -l ${(k)parameters}'", 80);
	ask("/usr/bin/zsh", "env -i /usr/bin/zsh -f -i -c 'print -l ${(k)parameters}' 2>/dev/null </dev/null", 80);
	(void)snprintf(command, sizeof(command), "env -i /usr/bin/zsh -fc '%s' 2>/dev/null", modules);
	ask("/usr/bin/zsh", command, 120);
}

static void test_fish(void **state)
{
	char command[2 * PATH_MAX];

	(void)state;
	(void)snprintf(command, sizeof(command), "env -i HOME=%s /usr/bin/fish -c 'set -n' 2>/dev/null </dev/null", unit_dir);
	ask("/usr/bin/fish", command, 20);
	(void)snprintf(command, sizeof(command), "env -i HOME=%s TERM=dumb /usr/bin/fish -i -c 'set -n' 2>/dev/null </dev/null",
		       unit_dir);
	ask("/usr/bin/fish", command, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legal),
		cmocka_unit_test(test_dangerous),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_dash),
		cmocka_unit_test(test_bash),
		cmocka_unit_test(test_zsh),
		cmocka_unit_test_setup_teardown(test_fish, unit_setup_dir, unit_teardown_dir),
	};

	return cmocka_run_group_tests_name("envname", tests, NULL, NULL);
}
