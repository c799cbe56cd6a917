#include "tests/unit/unit.h"

#include "tazpod-cli/size.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{ "1", 1 }, { "4096", 4096 }, { "3K", 3 << 10 }, { "512M", 512 << 20 }, { "2G", UINT64_C(2) << 30 },
		{ "007M", 7 << 20 }, { "18446744073709551615", UINT64_MAX }, { "17179869183G",
									      UINT64_C(17179869183) << 30 },
	};
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		size = 0;
		if (!cli_size_parse(good[i].text, &size, NULL))
			fail_msg("'%s' was refused", good[i].text);
		assert_true(size == good[i].size);
	}
}

static void test_refuse(void **state)
{
	static const char *const bad[] = { "",   "0",   "0G",  "-1",  "+1",  " 1", "1 ", "1k", "1T", "1MB", "1MiB", "M",
					   "1.5G", "0x10", "18446744073709551616", "18014398509481984K", "17179869184G" };
	uint64_t size = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cli_size_parse(bad[i], &size, NULL))
			fail_msg("'%s' was taken", bad[i]);
	assert_true(size == 42);
}

static void test_added(void **state)
{
	uint64_t size = 0;
	bool added = false;

	(void)state;
	assert_true(cli_size_parse("+16M", &size, &added));
	assert_true(added && size == 16 << 20);
	assert_true(cli_size_parse("16M", &size, &added));
	assert_false(added);
	assert_false(cli_size_parse("++16M", &size, &added));
	assert_false(cli_size_parse("+", &size, &added));
	assert_false(cli_size_parse("+0", &size, &added));
}

static void check_text(uint64_t size, const char *expected)
{
	char buffer[CLI_SIZE_TEXT];

	assert_string_equal(cli_size_text(size, buffer), expected);
}

static void test_text(void **state)
{
	(void)state;
	check_text(0, "0 bytes");
	check_text(1023, "1023 bytes");
	check_text(1024, "1 KiB");
	check_text(1536, "1.5 KiB");
	check_text((1 << 20) - 1, "1023 KiB");
	check_text(512 << 20, "512 MiB");
	check_text(UINT64_C(1) << 30, "1 GiB");
	check_text((UINT64_C(2) << 30) - 1, "1.9 GiB");
	check_text(UINT64_C(3) << 40, "3 TiB");
	check_text(UINT64_MAX, "16777215 TiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
