#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "libtazpod/cleanup.h"
#include "libtazpod/smallfile.h"

#define MOST 4096

static int folder = -1;

static int setup(void **state)
{
	if (unit_setup_dir(state) < 0)
		return -1;
	folder = open(unit_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)close(folder);
	return unit_teardown_dir(state);
}

static void refuse(const char *path, int code, const char *message)
{
	struct tz_error err = { 0 };
	char untouched, *text = &untouched;
	size_t size = 77;

	assert_int_equal(tz_smallfile_read(folder, path, "the file", MOST, &text, &size, &err), code);
	assert_ptr_equal(text, &untouched);
	assert_int_equal(size, 77);
	assert_contains(err.message, "the file");
	assert_contains(err.message, message);
	assert_int_equal(tz_smallfile_read(folder, path, "the file", MOST, &text, &size, NULL), code);
}

static void accept_size(size_t wanted)
{
	_cleanup_free_ char *content = malloc(wanted + 1), *text = NULL;
	struct tz_error err = { 0 };
	size_t size;

	assert_non_null(content);
	for (size_t i = 0; i < wanted; i++)
		content[i] = (char)(i * 7);
	unit_write(unit_path("f"), content, wanted, 0600);
	if (tz_smallfile_read(folder, "f", "f", MOST, &text, &size, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(size, wanted);
	assert_memory_equal(text, content, wanted);
	assert_int_equal(text[size], '\0');
}

static void test_sizes(void **state)
{
	static const char large[MOST + 1];

	(void)state;
	accept_size(0);
	accept_size(1);
	accept_size(MOST);
	unit_write(unit_path("f"), large, sizeof(large), 0600);
	refuse("f", -EFBIG, "larger than 4 KiB");
}

static void test_kinds(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	refuse("missing", -ENOENT, "does not exist");
	assert_int_equal(mkdir(unit_path("d"), 0700), 0);
	refuse("d", -EINVAL, "is a folder");
	assert_int_equal(mkfifo(unit_path("fifo"), 0600), 0);
	refuse("fifo", -EINVAL, "is a FIFO");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", unit_dir);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	refuse("socket", -EINVAL, "is a socket or a device");
	if (geteuid() == 0) {
		assert_int_equal(mknod(unit_path("null"), S_IFCHR | 0600, 1 << 8 | 3), 0);
		refuse("null", -EINVAL, "device");
	}
}

static void test_ways(void **state)
{
	(void)state;
	unit_write(unit_path("f"), "x", 1, 0600);
	assert_int_equal(symlink("f", unit_path("link")), 0);
	refuse("link", -ELOOP, "symlink");
	assert_int_equal(symlink(".", unit_path("way")), 0);
	refuse("way/f", -ELOOP, "symlink");
	refuse("../f", -EXDEV, "cannot be opened");
	refuse("f/g", -ENOTDIR, "cannot be opened");
}

static int read_as_nobody(void *data)
{
	struct tz_error err = { 0 };
	char *text;
	size_t size;

	(void)data;
	if (unit_become_nobody() < 0)
		return 1;
	return tz_smallfile_read(folder, "f", "f", MOST, &text, &size, &err) == -EACCES &&
	       strstr(err.message, "Permission denied") ? 0 : 2;
}

static void test_permission(void **state)
{
	(void)state;
	unit_write(unit_path("f"), "x", 1, 0);
	assert_int_equal(unit_in_child(read_as_nobody, NULL), 0);
}

/* A file of proc(5) is larger than it says, as one that grows after it was looked at. */
static void test_growing(void **state)
{
	_cleanup_free_ char *text = NULL;
	struct tz_error err = { 0 };
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t size = 0;

	(void)state;
	assert_true(proc >= 0);
	assert_int_equal(tz_smallfile_read(proc, "version", "version", 4096, &text, &size, &err), 0);
	assert_true(size > 10 && strlen(text) == size && text[size - 1] == '\n');
	assert_int_equal(tz_smallfile_read(proc, "version", "version", size - 1, &text, &size, &err), -EFBIG);
	assert_int_equal(close(proc), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permission, setup, teardown),
		cmocka_unit_test(test_growing),
	};

	return cmocka_run_group_tests_name("smallfile", tests, NULL, NULL);
}
