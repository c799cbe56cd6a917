#include "unit.h"

#include "libtazpod/digest.h"

static const char *digest(const struct tz_digest_part *parts, unsigned int count)
{
	static char text[2][TZ_DIGEST_TEXT];
	static unsigned int next;
	struct tz_error err = { 0 };
	char *ret = text[next++ % 2];

	if (tz_digest(parts, count, ret, &err) < 0)
		fail_msg("%s", err.message);
	return ret;
}

/* By another implementation: python3 -c 'import hashlib; print(hashlib.sha256(FRAMED).hexdigest())' */
static void test_known(void **state)
{
	const struct tz_digest_part one[] = { { "a", "xyz", 3 } };
	const struct tz_digest_part two[] = { { "a", "xyz", 3 }, { "bc", NULL, 0 } };

	(void)state;
	assert_string_equal(digest(NULL, 0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(digest(one, 1), "50d18e1c44e21432dfa45da9c1347fb46d1cc811e584b1a3b8b5a759391f7ca6");
	assert_string_equal(digest(two, 2), "fc59fca6ecbe2aaed3c4bad05dba8e4aaf3a7fcf694d838dac028397bc4f91e2");
}

/* What is moved from one piece to its neighbour is another digest. */
static void test_framed(void **state)
{
	static const struct tz_digest_part parts[][2] = {
		{ { "a", "xyz", 3 }, { "b", "", 0 } },
		{ { "a", "xy", 2 }, { "b", "z", 1 } },
		{ { "ax", "yz", 2 }, { "b", "", 0 } },
		{ { "a", "", 0 }, { "b", "xyz", 3 } },
		{ { "b", "", 0 }, { "a", "xyz", 3 } },
		{ { "", "xyz", 3 }, { "ab", "", 0 } },
		{ { "a", "xyz\0", 4 }, { "b", "", 0 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_string_equal(digest(parts[i], 2), digest(parts[i], 2));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(digest(parts[i], 2), digest(parts[j], 2));
	}
	assert_string_not_equal(digest(parts[0], 1), digest(parts[0], 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_framed),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
