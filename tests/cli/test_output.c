#include "tests/unit/unit.h"

#include <sys/mman.h>
#include <unistd.h>

#include "tazpod-cli/engine.h"
#include "tazpod-cli/output.h"
#include "tazpod-cli/report.h"

/* Runs write with fd going to a file; what it wrote. */
static const char *written(int fd, void (*write)(void *data), void *data)
{
	static char text[1024];
	int before = dup(fd), file = memfd_create("written", 0);
	ssize_t n;

	assert_true(before >= 0 && file >= 0);
	(void)fflush(NULL);
	assert_int_equal(dup2(file, fd), fd);
	write(data);
	(void)fflush(NULL);
	assert_int_equal(dup2(before, fd), fd);
	n = pread(file, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	assert_int_equal(close(before) | close(file), 0);
	return text;
}

static struct tz_session read_session(const char *json)
{
	_cleanup_json_ struct json_object *told = json_tokener_parse(json);
	struct tz_session session;

	memset(&session, 0x5a, sizeof(session));
	cli_session_read(told, &session);
	return session;
}

static void test_session(void **state)
{
	struct tz_session session = read_session("{'caller': 'tazpod', 'tty': 'pts/3', 'service': 'su-l', 'driver': 'fuse', "
						 "'started': '2026-01-31T09:30:00Z', 'vault': 'uuid', 'more': {}}");
	_cleanup_json_ struct json_object *object = cli_session_json(&session);
	char text[CLI_SESSION_TEXT];

	(void)state;
	assert_string_equal(cli_session_text(&session, text), "tazpod on pts/3 by su-l, open since 2026-01-31 09:30:00");
	assert_string_equal(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			    "{\"caller\":\"tazpod\",\"tty\":\"pts/3\",\"service\":\"su-l\",\"driver\":\"fuse\","
			    "\"started\":\"2026-01-31T09:30:00Z\",\"vault\":\"uuid\"}");
	session = read_session("{'caller': 'tazpod', 'tty': null, 'service': 'su-l', 'started': '2026-01-31T09:30:00Z'}");
	assert_string_equal(cli_session_text(&session, text),
			    "tazpod without a terminal by su-l, open since 2026-01-31 09:30:00");
}

/* Root in the container may have put any program in the place of the one that tells. */
static void test_hostile_session(void **state)
{
	static const char *const odd[] = { "null", "[]", "'text'", "1", "{}", "{'caller': {}, 'started': 12}", "{'started': 'x'}" };
	struct tz_session session = read_session("{'caller': '\\u001b[2J\\nroot', 'tty': '\\u009b1m', 'service': 'a\\u007f\\u0000b', "
						 "'started': '\\u001b]0;x\\u0007'}");
	char text[CLI_SESSION_TEXT], json[512];

	(void)state;
	assert_string_equal(cli_session_text(&session, text), "?[2J?root on ?1m by a?, open since ?");
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		session = read_session(odd[i]);
		assert_string_equal(cli_session_text(&session, text), " without a terminal by , open since ?");
	}
	(void)snprintf(json, sizeof(json), "{'caller': '%0300d'}", 0);
	session = read_session(json);
	assert_int_equal(strlen(session.caller), sizeof(session.caller) - 1);
}

static void print_json(void *data)
{
	cli_json_print(data);
}

static void test_json_steers_no_terminal(void **state)
{
	_cleanup_json_ struct json_object *object = json_object_new_object(), *again = NULL;
	const char *text;

	(void)state;
	cli_json_text(object, "a", "\x1b[2J\xc2\x9b" "1m\x7fä\n\"");
	text = written(STDOUT_FILENO, print_json, object);
	assert_string_equal(text, "{\n  \"a\": \"\\u001b[2J\\u009b1m\\u007fä\\n\\\"\"\n}\n");
	again = json_tokener_parse(text);
	assert_string_equal(cli_json_text_at(again, CLI_KEYS("a")), "\x1b[2J\xc2\x9b" "1m\x7fä\n\"");
}

static void say(void *data)
{
	cli_say("%s", (const char *)data);
}

static void warn(void *data)
{
	cli_warn(NULL, data);
}

static void test_one_line_each(void **state)
{
	char text[] = "a\x1b[2J\xc2\x9b" "1m\nb";

	(void)state;
	assert_string_equal(written(STDERR_FILENO, say, text), "tazpod: a?[2J?1m?b\n");
	assert_string_equal(written(STDERR_FILENO, warn, text), "tazpod: warning: a?[2J?1m?b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_hostile_session),
		cmocka_unit_test(test_json_steers_no_terminal),
		cmocka_unit_test(test_one_line_each),
	};

	/* times are told as the user's clock has them */
	if (setenv("TZ", "UTC", 1) < 0)
		return 1;
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
