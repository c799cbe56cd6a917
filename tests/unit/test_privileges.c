#include "private_ns.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tazpod-worker/privileges.h"

static struct tz_error err;

static void read_status(char *text, size_t size)
{
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	CHECK(n > 0);
	text[n] = '\0';
}

static void check_sets(const char *permitted)
{
	char text[4096], line[64];

	read_status(text, sizeof(text));
	(void)snprintf(line, sizeof(line), "CapPrm:\t%s\n", permitted);
	CHECK_CONTAINS(text, line);
	(void)snprintf(line, sizeof(line), "CapEff:\t%s\n", permitted);
	CHECK_CONTAINS(text, line);
	CHECK_CONTAINS(text, "CapInh:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapBnd:\t0000000000000000\n");
	CHECK_CONTAINS(text, "CapAmb:\t0000000000000000\n");
	CHECK_CONTAINS(text, "NoNewPrivs:\t1\n");
}

static int set_capabilities(uint32_t permitted, uint32_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ .effective = permitted, .permitted = permitted, .inheritable = inheritable },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static int all_are_dropped(void)
{
	CHECK_CODE(tz_privileges_drop(0, "the test", &err), 0, &err);
	check_sets("0000000000000000");
	CHECK(geteuid() == 0 && unshare(CLONE_NEWNS) < 0 && errno == EPERM);
	CHECK(chown(SCRATCH, 1, 1) < 0 && errno == EPERM);
	/* for good */
	CHECK(set_capabilities(1U << CAP_KILL, 0) == -EPERM);
	return 0;
}

static int those_to_keep_are_kept(void)
{
	CHECK_CODE(tz_privileges_drop(1U << CAP_KILL | 1U << CAP_CHOWN, "the test", &err), 0, &err);
	check_sets("0000000000000021");
	CHECK(chown(SCRATCH, 1, 1) == 0 && unshare(CLONE_NEWNS) < 0);
	/* less later, but no more */
	CHECK_CODE(tz_privileges_drop(1U << CAP_CHOWN | 1U << CAP_SYS_ADMIN, "the test", &err), 0, &err);
	check_sets("0000000000000001");
	return 0;
}

/* Ambient and inheritable ones would come back with the next program. */
static int none_come_by_another_way(void)
{
	const uint32_t some = 1U << CAP_KILL | 1U << CAP_SETPCAP;

	CHECK(set_capabilities(some, some) == 0);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0);
	CHECK_CODE(tz_privileges_drop(1U << CAP_KILL, "the test", &err), 0, &err);
	check_sets("0000000000000020");
	return 0;
}

/* In a container that was made without it. */
static int what_is_not_there_is_not_kept(void)
{
	CHECK(set_capabilities(1U << CAP_SETPCAP | 1U << CAP_CHOWN, 0) == 0);
	CHECK_CODE(tz_privileges_drop(1U << CAP_KILL | 1U << CAP_CHOWN, "the test", &err), 0, &err);
	check_sets("0000000000000001");
	return 0;
}

/* Without CAP_SETPCAP the bounding set stays as it is; no_new_privs makes it harmless. */
static int works_without_the_right_to_bound(void)
{
	char text[4096];

	CHECK(set_capabilities(1U << CAP_KILL, 0) == 0);
	CHECK_CODE(tz_privileges_drop(0, "the test", &err), 0, &err);
	read_status(text, sizeof(text));
	CHECK_CONTAINS(text, "CapPrm:\t0000000000000000\n");
	CHECK_CONTAINS(text, "NoNewPrivs:\t1\n");
	return 0;
}

static int a_program_gets_none_back(void)
{
	const char *const argv[] = { "grep", "-q", "CapEff:.0000000000000000", "/proc/self/status", NULL };

	CHECK_CODE(tz_privileges_drop(1U << CAP_KILL, "the test", &err), 0, &err);
	CHECK(run_program("/bin/grep", argv) == 0);
	return 0;
}

#define TESTS(TEST)                            \
	TEST(all_are_dropped)                  \
	TEST(those_to_keep_are_kept)           \
	TEST(none_come_by_another_way)         \
	TEST(what_is_not_there_is_not_kept)    \
	TEST(works_without_the_right_to_bound) \
	TEST(a_program_gets_none_back)

PRIVATE_NS_MAIN(TESTS)
