/* With device-mapper's steps replaced: the guard, a child, writes down what it did in memory that both see. */
#include "unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "libtazpod/devnode.h"
#include "libtazpod/dm.h"
#include "libtazpod/dm_guard.h"

#define CONTROL 77
#define RDEV makedev(252, 3)

struct book {
	char steps[128];
	int create, open, doom; /* what they answer */
};

static struct book *book;
/* what stands for the open mapping: it is held as long as the pipe has a writer */
static int held[2];

static void note(const char *step)
{
	(void)strncat(book->steps, step, sizeof(book->steps) - strlen(book->steps) - 1);
}

int tz_dm_create(int control, const char *name, const char *uuid, dev_t *ret_rdev)
{
	note(control == CONTROL && strcmp(name, "name") == 0 && strcmp(uuid, "uuid") == 0 ? "create " : "wrong ");
	if (book->create == 0)
		*ret_rdev = RDEV;
	return book->create;
}

int tz_devnode_open(mode_t type, dev_t device, int flags)
{
	note(type == S_IFBLK && device == RDEV && flags == O_RDWR ? "open " : "wrong ");
	return book->open < 0 ? book->open : fcntl(held[1], F_DUPFD_CLOEXEC, 0);
}

int tz_dm_remove(int control, const char *name, bool deferred)
{
	note(control == CONTROL && strcmp(name, "name") == 0 ? deferred ? "doom " : "remove " : "wrong ");
	return deferred ? book->doom : 0;
}

static int with_book(void **state)
{
	(void)state;
	book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return book == MAP_FAILED ? -1 : pipe2(held, O_CLOEXEC);
}

static int without_book(void **state)
{
	(void)state;
	(void)close(held[0]);
	(void)close(held[1]);
	return munmap(book, sizeof(*book));
}

/* Without our own end: is there another? */
static bool is_held(int timeout_ms)
{
	struct pollfd end = { .fd = held[0] };

	return poll(&end, 1, timeout_ms) == 0;
}

static void let_go(void)
{
	assert_int_equal(close(held[1]), 0);
	held[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	assert_true(held[1] >= 0);
}

static void has_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void it_holds_a_doomed_mapping_until_it_is_released(void **state)
{
	struct tz_dm_guard guard = TZ_DM_GUARD_INIT;
	dev_t rdev = 0;

	(void)state;
	assert_int_equal(tz_dm_guard_create(CONTROL, "name", "uuid", &rdev, &guard), 0);
	assert_true(rdev == RDEV && guard.pid > 0);
	/* held before it is doomed, or it would be gone at once */
	assert_string_equal(book->steps, "create open doom ");
	let_go();
	assert_true(is_held(50));
	tz_dm_guard_release(&guard);
	assert_false(is_held(0));
	assert_int_equal(guard.pid, -1);
	assert_int_equal(guard.pipe, -1);
	has_no_child();
	tz_dm_guard_release(&guard);
}

static void fails_with(int code, const char *steps)
{
	struct tz_dm_guard guard = TZ_DM_GUARD_INIT;
	dev_t rdev = 5;

	assert_int_equal(tz_dm_guard_create(CONTROL, "name", "uuid", &rdev, &guard), code);
	assert_string_equal(book->steps, steps);
	assert_true(rdev == 5);
	assert_int_equal(guard.pid, -1);
	let_go();
	assert_false(is_held(0));
	has_no_child();
}

static void one_that_is_there_already_is_left_alone(void **state)
{
	(void)state;
	book->create = -EBUSY;
	fails_with(-EBUSY, "create ");
}

static void one_that_cannot_be_held_is_removed(void **state)
{
	(void)state;
	book->open = -ENXIO;
	fails_with(-ENXIO, "create open remove ");
}

static void one_that_cannot_be_doomed_is_removed(void **state)
{
	(void)state;
	book->doom = -EINVAL;
	fails_with(-EINVAL, "create open doom remove ");
}

static void it_lets_go_when_its_parent_is_killed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct tz_dm_guard guard = TZ_DM_GUARD_INIT;
		dev_t rdev;

		if (tz_dm_guard_create(CONTROL, "name", "uuid", &rdev, &guard) == 0)
			(void)raise(SIGKILL);
		_exit(1);
	}
	let_go();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_string_equal(book->steps, "create open doom ");
	assert_false(is_held(5000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_book, without_book)
	const struct CMUnitTest tests[] = {
		TEST(it_holds_a_doomed_mapping_until_it_is_released),
		TEST(one_that_is_there_already_is_left_alone),
		TEST(one_that_cannot_be_held_is_removed),
		TEST(one_that_cannot_be_doomed_is_removed),
		TEST(it_lets_go_when_its_parent_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
