#include "private_ns.h"

#include <sys/file.h>

#include "libtazpod/inside.h"
#include "libtazpod/lockswitch.h"

static struct tz_error err;

/* /run is another one, so that nothing of the machine's own is there. */
static void make_run(void)
{
	CHECK(mount("run", "/run", "tmpfs", 0, "mode=755") == 0 && mkdir(TZ_RUN_DIR, 0755) == 0);
}

static int hold_mark(void)
{
	int fd = open(TZ_CONTAINER_MARK, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	return fd;
}

static int the_mark_tells(void)
{
	make_run();
	CHECK(!tz_inside_container());
	CHECK_CODE(tz_inside_wait_ready(0, &err), -ENOENT, &err);
	CHECK_CONTAINS(err.message, TZ_CONTAINER_MARK);
	CHECK(close(hold_mark()) == 0);
	CHECK(tz_inside_container());
	return 0;
}

static int it_is_ready_when_the_lock_is_off(void)
{
	int fd;

	make_run();
	fd = hold_mark();
	CHECK_CODE(tz_inside_wait_ready(0, &err), -ETIMEDOUT, &err);
	CHECK_CODE(tz_inside_wait_ready(100, &err), -ETIMEDOUT, &err);
	CHECK_CONTAINS(err.message, "not ready yet");
	CHECK(close(fd) == 0);
	CHECK_CODE(tz_inside_wait_ready(0, &err), 0, &err);
	return 0;
}

static int it_becomes_ready_meanwhile(void)
{
	pid_t child;
	int fd;

	make_run();
	fd = hold_mark();
	child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		(void)usleep(200000);
		_exit(0);
	}
	/* the child has the lock alone now, until it ends */
	CHECK(close(fd) == 0);
	CHECK_CODE(tz_inside_wait_ready(10000, &err), 0, &err);
	return 0;
}

#define TESTS(TEST)                        \
	TEST(the_mark_tells)               \
	TEST(it_is_ready_when_the_lock_is_off) \
	TEST(it_becomes_ready_meanwhile)

PRIVATE_NS_MAIN(TESTS)
