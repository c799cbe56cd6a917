#include "unit.h"

#include "libtazpod/luks_segments.h"

#define CRYPT "\"type\":\"crypt\",\"offset\":\"16777216\",\"iv_tweak\":\"0\",\"encryption\":\"aes-xts-plain64\"," \
	      "\"sector_size\":4096"
#define DYNAMIC "{" CRYPT ",\"size\":\"dynamic\"}"
#define SEGMENTS(segments) "{\"keyslots\":{},\"segments\":{" segments "},\"digests\":{}}"
#define SIZED(size) SEGMENTS("\"0\":{" CRYPT ",\"size\":" size "}")
#define FLAGGED(number, flags) "\"" number "\":{" CRYPT ",\"size\":\"dynamic\",\"flags\":" flags "}"

static int ask(const char *json, uint64_t *ret_size, struct tz_error *err)
{
	*err = (struct tz_error){ 0 };
	*ret_size = 77;
	return tz_luks_segments(json, "the vault", ret_size, err);
}

static void one_is_accepted(void **state)
{
	static const struct {
		const char *json;
		uint64_t size;
	} cases[] = {
		{ SEGMENTS("\"0\":" DYNAMIC), 0 },
		{ SIZED("\"512\""), 512 },
		{ SIZED("\"16777216\""), 16777216 },
		{ SIZED("\"9223372036854775296\""), 9223372036854775296ULL },
		/* its number is not asked for */
		{ SEGMENTS("\"3\":" DYNAMIC), 0 },
		/* other flags do not make it another thing */
		{ SEGMENTS(FLAGGED("0", "[\"something\",\"not-backup-final\"]")), 0 },
		{ SEGMENTS(FLAGGED("0", "[]")), 0 },
		{ SEGMENTS(FLAGGED("0", "\"backup-final\"")), 0 },
	};
	struct tz_error err;
	uint64_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = ask(cases[i].json, &size, &err);

		if (r != 0)
			fail_msg("case %zu: %d, %s", i, r, err.message);
		assert_int_equal(size, cases[i].size);
	}
}

struct refusal {
	const char *json;
	int code;
	const char *part;
};

static void refuse_all(const struct refusal *cases, size_t count)
{
	struct tz_error err;
	uint64_t size;

	for (size_t i = 0; i < count; i++) {
		int r = ask(cases[i].json, &size, &err);

		if (r != cases[i].code)
			fail_msg("case %zu: %d, %s", i, r, err.message);
		assert_contains(err.message, cases[i].part);
		assert_contains(err.message, "the vault");
		assert_int_equal(size, 77);
	}
}

/* Sound, but not served. */
static void other_segments_are_refused(void **state)
{
	static const struct refusal cases[] = {
		{ SEGMENTS(""), -EOPNOTSUPP, "has 0 data segments" },
		{ SEGMENTS("\"0\":" DYNAMIC ",\"1\":" DYNAMIC), -EOPNOTSUPP, "has 2 data segments" },
		{ SEGMENTS(FLAGGED("0", "[\"backup-final\"]")), -EOPNOTSUPP, "an unfinished reencryption" },
		{ SEGMENTS("\"0\":" DYNAMIC "," FLAGGED("1", "[\"backup-previous\"]")), -EOPNOTSUPP, "an unfinished reencryption" },
		{ SEGMENTS("\"0\":" DYNAMIC ",\"1\":{\"type\":\"linear\",\"flags\":[\"x\",\"backup-moved-segment\"]}"),
		  -EOPNOTSUPP, "an unfinished reencryption" },
		{ SEGMENTS("\"0\":{" CRYPT ",\"size\":\"dynamic\",\"integrity\":{\"type\":\"hmac(sha256)\"}}"), -EOPNOTSUPP,
		  "integrity protection" },
		{ SEGMENTS("\"0\":{" CRYPT ",\"size\":\"dynamic\",\"integrity\":null}"), -EOPNOTSUPP, "integrity protection" },
		{ SEGMENTS("\"0\":{\"type\":\"linear\",\"offset\":\"0\",\"size\":\"dynamic\"}"), -EOPNOTSUPP,
		  "not encrypted (a segment of the type 'linear')" },
		{ SEGMENTS("\"0\":" DYNAMIC ",\"1\":{\"type\":\"linear\",\"size\":\"512\"}"), -EOPNOTSUPP, "'linear'" },
		{ SEGMENTS("\"0\":{\"type\":\"of a name that is as long as nobody would ever give it\"}"), -EOPNOTSUPP,
		  "'of a name that is as long as nob'" },
		{ SEGMENTS("\"0\":{\"type\":\"crypt\",\"size\":\"dynamic\",\"iv_tweak\":\"8\"}"), -EOPNOTSUPP, "(iv_tweak '8')" },
		{ SEGMENTS("\"0\":{\"type\":\"crypt\",\"size\":\"dynamic\",\"iv_tweak\":\"00\"}"), -EOPNOTSUPP, "(iv_tweak '00')" },
		{ SEGMENTS("\"0\":{\"type\":\"crypt\",\"size\":\"dynamic\",\"iv_tweak\":0}"), -EOPNOTSUPP, "(iv_tweak 'missing')" },
		{ SEGMENTS("\"0\":{\"type\":\"crypt\",\"size\":\"dynamic\"}"), -EOPNOTSUPP, "(iv_tweak 'missing')" },
	};

	(void)state;
	refuse_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void nonsense_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "", -EUCLEAN, "names no data segments" },
		{ "{", -EUCLEAN, "names no data segments" },
		{ "[]", -EUCLEAN, "names no data segments" },
		{ "null", -EUCLEAN, "names no data segments" },
		{ "{\"keyslots\":{}}", -EUCLEAN, "names no data segments" },
		{ "{\"segments\":[" DYNAMIC "]}", -EUCLEAN, "names no data segments" },
		{ "{\"segments\":null}", -EUCLEAN, "names no data segments" },
		{ SEGMENTS("\"0\":{\"size\":\"dynamic\"}"), -EUCLEAN, "without a type" },
		{ SEGMENTS("\"0\":{\"type\":5}"), -EUCLEAN, "without a type" },
		{ SEGMENTS("\"0\":\"crypt\""), -EUCLEAN, "without a type" },
		{ SEGMENTS("\"0\":null"), -EUCLEAN, "without a type" },
		{ SEGMENTS("\"0\":{" CRYPT "}"), -EUCLEAN, "without a proper size" },
		{ SIZED("16777216"), -EUCLEAN, "without a proper size" },
		{ SIZED("\"\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"0\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"511\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"-512\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"+512\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\" 512\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"512 \""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"0x200\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"5120.0\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"Dynamic\""), -EUCLEAN, "without a proper size" },
		{ SIZED("\"18446744073709551616\""), -EUCLEAN, "without a proper size" },
	};

	(void)state;
	refuse_all(cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_is_accepted),
		cmocka_unit_test(other_segments_are_refused),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
