#include "unit.h"

#include "libtazpod/port.h"

static void test_whole(void **state)
{
	static const struct {
		const char *text, *whole;
	} good[] = {
		{ "8080", "127.0.0.1:8080:8080/tcp" },
		{ "1", "127.0.0.1:1:1/tcp" },
		{ "65535:1", "127.0.0.1:65535:1/tcp" },
		{ "8080:80", "127.0.0.1:8080:80/tcp" },
		{ "8080:80/tcp", "127.0.0.1:8080:80/tcp" },
		{ "53/udp", "127.0.0.1:53:53/udp" },
		{ "0.0.0.0:8080:80", "0.0.0.0:8080:80/tcp" },
		{ "192.168.1.2:8080:80/udp", "192.168.1.2:8080:80/udp" },
		{ "[::1]:8080:80", "[::1]:8080:80/tcp" },
		{ "[0:0:0:0:0:0:0:1]:8080:80", "[::1]:8080:80/tcp" },
		{ "[1111:2222:3333:4444:5555:6666:7777:8888]:65535:65535/udp",
		  "[1111:2222:3333:4444:5555:6666:7777:8888]:65535:65535/udp" },
	};
	char whole[TZ_PORT_TEXT], again[TZ_PORT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!tz_port_normalise(good[i].text, whole))
			fail_msg("'%s' was refused", good[i].text);
		assert_string_equal(whole, good[i].whole);
		assert_true(tz_port_normalise(whole, again));
		assert_string_equal(again, whole);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {
		"", "0", "080", "65536", "99999999999999999999", "-1", "+1", " 80", "80 ", "80a", "a", ":", "80:", ":80",
		"80:0", "80:65536", "80/", "80/sctp", "80/TCP", "80/tcp/udp", "80-90", "80-90:80-90", "localhost:80:80",
		":80:80", "127.0.0.1:80", "127.0.0.1::80", "127.1:80:80", "1.2.3.4.5:80:80", "256.0.0.1:80:80", "::1:80:80",
		"[::1]:80", "[::1]80:80", "[::1]:80:80:80", "[::1:80:80", "[]:80:80", "[127.0.0.1]:80:80", "127.0.0.1:80:80:80", "--net",
		"[::1%lo]:80:80", "80:80\n",
	};
	char whole[TZ_PORT_TEXT] = "untouched";

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (tz_port_normalise(bad[i], whole))
			fail_msg("'%s' was accepted as %s", bad[i], whole);
		assert_string_equal(whole, "untouched");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
