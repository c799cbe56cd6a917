#include "tests/unit/unit.h"

#include <pty.h>
#include <signal.h>
#include <time.h>

#include "tazpod-cli/provider.h"

/* Given by the build: what stands in for the CLI of Infisical. */
#ifndef FAKE_INFISICAL
#error "FAKE_INFISICAL is not set"
#endif

#define HIDDEN "hidden-value"
#define SECRETS "[{\"key\":\"ONE\",\"workspace\":\"\",\"value\":\"" HIDDEN "\",\"type\":\"shared\",\"tags\":[]}," \
		"{\"key\":\"a-b\",\"value\":\"" HIDDEN "\"},{\"key\":\"TWO\",\"value\":\"\\u003c2\\u003e\"}]"

static struct tz_error err;
static char warnings[1024];

static void note(void *data, const char *sentence)
{
	(void)snprintf(data, sizeof(warnings), "%s", sentence);
	assert_null(strstr(sentence, HIDDEN));
}

static void put(const char *name, const char *text)
{
	unit_write(unit_path(name), text, strlen(text), 0755);
}

/* What is in a file of the stand-in's; "" where there is none. */
static const char *content(const char *name)
{
	static char text[64 * 1024];
	int fd = open(unit_path(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return text;
}

/* Of the stand-in's environment; NULL where there was none. */
static const char *variable(const char *name)
{
	static char text[64 * 1024];
	int fd = open(unit_path("environment"), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(fd >= 0 && n > 0);
	assert_int_equal(close(fd), 0);
	text[n] = '\0';
	for (char *each = text; each < text + n; each += strlen(each) + 1)
		if (strncmp(each, name, strlen(name)) == 0 && each[strlen(name)] == '=')
			return each + strlen(name) + 1;
	return NULL;
}

static int setup(void **state)
{
	char path[2 * PATH_MAX];

	if (unit_setup_dir(state) < 0 || mkdir(unit_path("bin"), 0755) < 0 ||
	    symlink(FAKE_INFISICAL, unit_path("bin/infisical")) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", unit_dir);
	return setenv("PATH", path, 1) | setenv("FAKE_INFISICAL", unit_dir, 1) | unsetenv("TOKEN") | unsetenv("INFISICAL_TOKEN") |
	       unsetenv("INFISICAL_DOMAIN") | unsetenv("INFISICAL_API_URL");
}

/* As a project's secrets.yml has it: "config:" is written in front. */
static int fetch(const char *config, struct cli_fetched *ret)
{
	_cleanup_secrets_map_ struct tz_secrets_map map = TZ_SECRETS_MAP_INIT;
	const struct cli_provider_request request = { .map = &map, .folder = unit_dir, .home = "/home/tazpod-ghost", .warn = note,
						      .data = warnings };
	char text[2048];
	int r;

	(void)snprintf(text, sizeof(text), "config: { %s }\n", config);
	if (tz_secrets_map_parse(text, strlen(text), "secrets.yml", &map, NULL, NULL, &err) < 0)
		fail_msg("%s", err.message);
	*ret = (struct cli_fetched)CLI_FETCHED_INIT;
	err = (struct tz_error){ .code = 0 };
	warnings[0] = '\0';
	r = cli_provider_fetch(&request, ret, &err);
	if (r < 0) {
		assert_int_equal(err.code, r);
		assert_null(strstr(err.message, HIDDEN));
		assert_null(strstr(err.detail, HIDDEN));
		assert_null(ret->texts.data);
	}
	assert_string_equal(content("violations"), "");
	return r;
}

static void has(const struct cli_fetched *fetched, const char *name, const char *value)
{
	struct cli_secret secret;

	assert_true(cli_fetched_find(fetched, name, &secret));
	assert_int_equal(secret.size, strlen(value));
	assert_string_equal(secret.value, value);
}

static void fails(const char *config, int code, const char *sentence)
{
	struct cli_fetched fetched;

	assert_int_equal(fetch(config, &fetched), code);
	assert_contains(err.message, sentence);
}

/* ---------------------------------------------------------------- infisical */

#define PROJECT "infisical_project_id: a1b2-c3"
#define LINE "export --format=json --env=dev --path=/ --projectId=a1b2-c3\n"

static void its_cli_is_asked_once(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	put("secrets", SECRETS);
	put(".infisical.json", "{\"workspaceId\":\"another\",\"domain\":\"https://evil.example\"}");
	assert_int_equal(setenv("TOKEN", "of-somebody", 1) | setenv("INFISICAL_TOKEN", "secret-token", 1) |
			 setenv("LOG_DESTINATION", "stdout", 1) | setenv("LOG_LEVEL", "error", 1), 0);
	assert_int_equal(fetch(PROJECT, &fetched), 0);
	assert_int_equal(fetched.count, 2);
	has(&fetched, "ONE", HIDDEN);
	has(&fetched, "TWO", "<2>");
	assert_string_equal(warnings, "the secret \"a-b\" is left out: no variable can have this name");
	cli_fetched_free(&fetched);
	assert_string_equal(content("calls"), LINE);
	assert_string_equal(content("folder"), "/\n");
	assert_null(variable("TOKEN"));
	assert_string_equal(variable("INFISICAL_TOKEN"), "secret-token");
	assert_string_equal(variable("HOME"), "/home/tazpod-ghost");
	assert_string_equal(variable("INFISICAL_DISABLE_UPDATE_CHECK"), "true");
	assert_string_equal(variable("LOG_DESTINATION"), "stderr");
	assert_string_equal(variable("LOG_LEVEL"), "info");
	assert_null(variable("INFISICAL_DOMAIN"));
	assert_null(variable("INFISICAL_API_URL"));
	assert_string_equal(getenv("TOKEN"), "of-somebody");
	assert_int_equal(unsetenv("LOG_DESTINATION") | unsetenv("LOG_LEVEL"), 0);
}

static void what_the_map_says_is_asked_for(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	assert_int_equal(fetch("infisical_project_id: p-1, infisical_environment: prod, infisical_path: /a/b c, "
			       "infisical_url: https://secrets.example", &fetched), 0);
	assert_int_equal(fetched.count, 0);
	cli_fetched_free(&fetched);
	assert_string_equal(content("calls"), "export --format=json --env=prod --path=/a/b c --projectId=p-1\n");
	assert_string_equal(variable("INFISICAL_DOMAIN"), "https://secrets.example");
	assert_string_equal(variable("INFISICAL_API_URL"), "https://secrets.example");
}

/* A login for one server is not sent to another that a repository names. */
static void two_servers_are_refused(void **state)
{
	static const char config[] = PROJECT ", infisical_url: https://secrets.example/";
	struct cli_fetched fetched;

	(void)state;
	assert_int_equal(setenv("INFISICAL_API_URL", "https://secrets.example/api", 1), 0);
	assert_int_equal(fetch(config, &fetched), 0);
	assert_int_equal(setenv("INFISICAL_DOMAIN", "https://secrets.example.org", 1), 0);
	fails(config, -EINVAL, "the server https://secrets.example/ ('infisical_url'), but INFISICAL_DOMAIN in the environment is "
			       "https://secrets.example.org; a login for the one is not sent to the other");
	assert_int_equal(setenv("INFISICAL_DOMAIN", "", 1) | setenv("INFISICAL_API_URL", "https://app.example/api", 1), 0);
	fails(config, -EINVAL, "but INFISICAL_API_URL in the environment is https://app.example/api");
	assert_string_equal(content("calls"), LINE);
	assert_int_equal(fetch(PROJECT, &fetched), 0);
	assert_string_equal(variable("INFISICAL_API_URL"), "https://app.example/api");
}

static void what_is_missing_is_told(void **state)
{
	(void)state;
	fails("infisical_environment: dev", -EINVAL, "secrets.yml has no 'infisical_project_id' in its config");
	assert_string_equal(content("calls"), "");
	assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
	fails(PROJECT, -ENOENT, "the CLI of Infisical is not installed; https://infisical.com/docs/cli/overview says how");
}

static void mode_fails(const char *mode, int code, const char *sentence)
{
	put("mode", mode);
	fails(PROJECT ", timeout: 60", code, sentence);
}

static void logins_that_do_not_do_are_told(void **state)
{
	time_t begin = time(NULL);

	(void)state;
	put("secrets", SECRETS);
	mode_fails("expired", -EACCES, "nobody is logged in to Infisical, or the login has expired; 'tazpod login' logs in");
	assert_int_equal(kill(atoi(content("pid")), 0), -1);
	mode_fails("logged-out", -EACCES, "nobody is logged in to Infisical, or the login has expired");
	mode_fails("unauthorized", -EACCES, "nobody is logged in to Infisical, or the login has expired");
	mode_fails("forbidden", -EACCES, "this login may not read project a1b2-c3, environment dev, folder / of Infisical; 'tazpod "
					 "login' logs in anew (You are not a member of this project)");
	mode_fails("forbidden-old", -EACCES, "this login may not read project a1b2-c3, environment dev, folder / of Infisical");
	mode_fails("another-server", -EACCES, "the login for Infisical is one for another server than the environment asks; "
					      "'tazpod login' logs in there");
	mode_fails("hidden", -EPERM, "Infisical hides the value of UNSEEN from this login");
	assert_true(time(NULL) - begin < 40);
}

/* Even with a login to give, and secrets to print. */
static void what_it_has_kept_is_not_taken(void **state)
{
	(void)state;
	put("secrets", SECRETS);
	mode_fails("offline", -EHOSTUNREACH, "the server of Infisical could not be reached, and what its CLI has kept from another "
					     "time is not taken; the vault keeps what it has");
	mode_fails("unreachable", -EHOSTUNREACH, "the server of Infisical could not be reached; the vault keeps what it has (error: "
						 "CallGetRawSecretsV4: ");
}

static void its_other_failures_are_told(void **state)
{
	(void)state;
	put("secrets", SECRETS);
	mode_fails("missing", -EIO, "Infisical has no project a1b2-c3 with environment dev and folder /, as secrets.yml asks for "
				    "(Folder with path '/no' in environment with slug 'dev' was not found)");
	mode_fails("broken", -EIO, "infisical ended with status 1: Something went wrong");
	mode_fails("garbage", -EINVAL, "the output of infisical: line 1, column 1: ");
	mode_fails("half", -EINVAL, "the output of infisical is JSON that ends too early");
	mode_fails("half-killed", -EIO, "infisical was ended by signal 9 (Killed)");
	mode_fails("nothing", -EIO, "infisical ended well, but printed nothing");
	mode_fails("null", -EINVAL, "the output of infisical has null, where");
	put("mode", "hang");
	fails(PROJECT ", timeout: 1", -ETIMEDOUT, "infisical had not ended after 1 s");
	assert_int_equal(kill(atoi(content("pid")), 0), -1);
}

static void ten_thousand_are_fetched(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	put("mode", "many");
	assert_int_equal(fetch(PROJECT, &fetched), 0);
	assert_int_equal(fetched.count, 10000);
	has(&fetched, "NAME_0", "value 0");
	has(&fetched, "NAME_9999", "value 9999");
	cli_fetched_free(&fetched);
}

static void nobody_is_asked_at_the_terminal(void **state)
{
	int terminal, status;
	pid_t pid;

	(void)state;
	put("mode", "prompt");
	pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct cli_fetched fetched;

		_exit(-fetch(PROJECT ", timeout: 60", &fetched));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(close(terminal), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), ENOTTY);
}

/* ---------------------------------------------------------------- command */

static void a_command_is_run(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	put("bin/prints", "#!/bin/sh\nprintf '{\"data\":{\"FOLDER\":\"%s\",\"TOKEN\":\"%s\",\"WORDS\":\"%s\"}}' \"$PWD\" "
			  "\"$TOKEN\" \"$#,$1\"\n");
	assert_int_equal(setenv("TOKEN", "mine", 1), 0);
	assert_int_equal(fetch("command: [prints, 'a $(b) c'], select: data", &fetched), 0);
	assert_int_equal(fetched.count, 3);
	has(&fetched, "FOLDER", unit_dir);
	has(&fetched, "TOKEN", "mine");
	has(&fetched, "WORDS", "1,a $(b) c");
	cli_fetched_free(&fetched);
	/* one of the project's own */
	put("own", "#!/bin/sh\necho '{\"A\":1}'\n");
	assert_int_equal(fetch("command: [./own]", &fetched), 0);
	has(&fetched, "A", "1");
	cli_fetched_free(&fetched);
	/* what lies in the project is never found by its name */
	fails("command: [own]", -ENOENT, "own, the 'command' in secrets.yml, is not installed");
}

static void dotenv_is_read(void **state)
{
	struct cli_fetched fetched;

	(void)state;
	put("env", "# a comment\nexport ONE='a b'\nTWO=\"2\\n\"\n");
	assert_int_equal(fetch("command: [cat, env], format: dotenv", &fetched), 0);
	assert_int_equal(fetched.count, 2);
	has(&fetched, "ONE", "a b");
	has(&fetched, "TWO", "2\n");
	cli_fetched_free(&fetched);
	put("env", "ONE=1\nTWO=" HIDDEN "$(id)\n");
	fails("command: [cat, env], format: dotenv", -EINVAL, "the output of cat:2:");
	put("env", "ONE=1\nTWO=" HIDDEN "\nONE=" HIDDEN "\n");
	fails("command: [cat, env], format: dotenv", -EINVAL, "the output of cat:3:1: expected another name");
	put("env", "{\"ONE\":1}\n");
	fails("command: [cat, env], format: dotenv", -EINVAL, "the output of cat:1:1: ");
	fails("command: [cat, /dev/null], format: dotenv", -EINVAL, "cat ended well, but printed nothing");
	put("env", "# none\n");
	assert_int_equal(fetch("command: [cat, env], format: dotenv", &fetched), 0);
	assert_int_equal(fetched.count, 0);
	cli_fetched_free(&fetched);
}

static void its_failures_are_told(void **state)
{
	(void)state;
	put("bin/fails", "#!/bin/sh\necho '{\"A\":\"" HIDDEN "\"}'\nfor i in 1 2 3 4; do printf \"line $i\\033\\n\\n\" >&2; done; exit 5\n");
	fails("command: [fails]", -EIO, "fails ended with status 5: line 2?; line 3?; line 4?");
	fails("command: ['false']", -EIO, "false ended with status 1, and said nothing");
	fails("command: ['true']", -EINVAL, "true ended well, but printed nothing");
	fails("command: [./missing]", -ENOENT, "./missing cannot be run: there is no ./missing");
	fails("command: [echo, '{\"A\":\"" HIDDEN "\"']", -EINVAL, "the output of echo is JSON that ends too early");
	fails("command: [sleep, '600'], timeout: 1", -ETIMEDOUT, "sleep had not ended after 1 s");
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, unit_teardown_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(its_cli_is_asked_once),
		WITH(what_the_map_says_is_asked_for),
		WITH(two_servers_are_refused),
		WITH(what_is_missing_is_told),
		WITH(logins_that_do_not_do_are_told),
		WITH(what_it_has_kept_is_not_taken),
		WITH(its_other_failures_are_told),
		WITH(ten_thousand_are_fetched),
		WITH(nobody_is_asked_at_the_terminal),
		WITH(a_command_is_run),
		WITH(dotenv_is_read),
		WITH(its_failures_are_told),
	};

	return cmocka_run_group_tests_name("provider", tests, NULL, NULL);
}
