/* Executes itself: with "again" as its argument it is the program under test, and tells by its exit status. */
#include "unit.h"

#include "libtazpod/dmenv.h"

#define AGAIN "again"
#define LOOPED 3

struct call {
	const char *value; /* of DM_DISABLE_UDEV before; NULL: none */
};

static int run(void *data)
{
	const struct call *call = data;
	char *argv[] = { (char[]){ "a name of its own" }, (char[]){ AGAIN }, NULL };

	if (setenv("KEPT", "x", 1) < 0)
		return 99;
	if (call->value ? setenv("DM_DISABLE_UDEV", call->value, 1) : unsetenv("DM_DISABLE_UDEV"))
		return 99;
	(void)execv("/proc/self/exe", argv);
	return 98;
}

/* The variable is there when main() starts, the rest as it was; and it is not executed for ever. */
static int program(char **argv)
{
	const char *value = getenv("DM_DISABLE_UDEV"), *kept = getenv("KEPT"), *rounds = getenv("ROUNDS");

	if (rounds && strcmp(rounds, "11") == 0)
		return LOOPED;
	if (setenv("ROUNDS", rounds ? "11" : "1", 1) < 0 || tz_dmenv_ensure(argv) < 0)
		return 4;
	if (!value || strcmp(value, "1") != 0 || !kept || strcmp(kept, "x") != 0)
		return 5;
	return strcmp(argv[0], "a name of its own") == 0 ? 0 : 6;
}

static void it_is_set_before_the_program_starts(void **state)
{
	struct call cases[] = { { NULL }, { "0" }, { "" }, { "1" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(unit_in_child(run, &cases[i]), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_set_before_the_program_starts),
	};

	if (argc == 2 && strcmp(argv[1], AGAIN) == 0)
		return program(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
