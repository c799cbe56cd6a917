#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "tazpod-cli/ports.h"

static struct tz_error err;

static char number[16];

/* A port that is in use from here on; number is its. */
static void occupy(int type, int *ret_fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	*ret_fd = socket(AF_INET, type, 0);
	assert_true(*ret_fd >= 0);
	assert_int_equal(bind(*ret_fd, (struct sockaddr *)&address, size), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(*ret_fd, 1), 0);
	assert_int_equal(getsockname(*ret_fd, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(number, sizeof(number), "%u", ntohs(address.sin_port));
}

static int check(const char *address, const char *port, const char *protocol)
{
	struct tz_project project = { .port_count = 1 };

	(void)snprintf(project.ports[0].text, sizeof(project.ports[0].text), "%s:%s:80/%s", address, port, protocol);
	return cli_ports_check(&project, &err);
}

static void test_in_use(void **state)
{
	char part[32];
	int fd;

	(void)state;
	occupy(SOCK_STREAM, &fd);
	assert_int_equal(check("127.0.0.1", number, "tcp"), -EADDRINUSE);
	(void)snprintf(part, sizeof(part), "port %s of 127.0.0.1 ", number);
	assert_contains(err.message, part);
	assert_int_equal(check("0.0.0.0", number, "tcp"), -EADDRINUSE);
	assert_int_equal(check("127.0.0.1", number, "udp"), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(check("127.0.0.1", number, "tcp"), 0);
	occupy(SOCK_DGRAM, &fd);
	assert_int_equal(check("127.0.0.1", number, "udp"), -EADDRINUSE);
	assert_int_equal(close(fd), 0);
}

/* An address that is not this machine's is for the engine to refuse. */
static void test_left_to_the_engine(void **state)
{
	const struct tz_project none = { .port_count = 0 };

	(void)state;
	assert_int_equal(cli_ports_check(&none, &err), 0);
	assert_int_equal(check("192.0.2.1", "8080", "tcp"), 0);
	assert_int_equal(check("[2001:db8::1]", "8080", "udp"), 0);
}

/* What is not as the config's reader gives it is never passed over as if it were free. */
static void test_no_port(void **state)
{
	(void)state;
	assert_int_equal(check("127.0.0.1", "8080-8090", "tcp"), -EINVAL);
	assert_int_equal(check("", "8080", "tcp"), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_in_use), cmocka_unit_test(test_left_to_the_engine),
					      cmocka_unit_test(test_no_port) };

	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
