#include "tests/pam/pam_test.h"

#include <dirent.h>
#include <sys/mman.h>

static struct report *report;

void world_write(const char *path, const char *text)
{
	unit_write(path, text, strlen(text), 0644);
}

static void write_file(const char *path, const void *data, size_t size)
{
	unit_write(path, data, size, 0600);
}

static struct report *map_report(void)
{
	static const struct report none;
	int fd;
	void *memory;

	write_file(REPORT_FILE, &none, sizeof(none));
	fd = open(REPORT_FILE, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	/* Not to be written: what the worker was told is in there, and app_holds() looks at memory that can be. */
	memory = mmap(NULL, sizeof(none), PROT_READ, MAP_SHARED, fd, 0);
	assert_true(memory != MAP_FAILED);
	assert_int_equal(close(fd), 0);
	return memory;
}

void world_set_script(const struct script_step *steps, size_t count)
{
	static struct script script;

	assert_true(count < SCRIPT_STEPS);
	memset(&script, 0, sizeof(script));
	if (count > 0)
		memcpy(script.steps, steps, count * sizeof(*steps));
	write_file(SCRIPT_FILE, &script, sizeof(script));
}

void world_use_worker(enum world_worker which)
{
	static const char *const targets[] = {
		[WORKER_SCRIPTED] = TEST_SCRIPTED_WORKER, [WORKER_REAL] = TEST_REAL_WORKER,
		[WORKER_MISSING] = WORLD "/nothing", [WORKER_NOT_EXECUTABLE] = SCRIPT_FILE,
	};

	assert_true(unlink(TZ_WORKER_PATH) == 0 || errno == ENOENT);
	assert_int_equal(symlink(targets[which], TZ_WORKER_PATH), 0);
}

void world_reset(void)
{
	if (report)
		(void)munmap(report, sizeof(*report));
	report = map_report();
	world_set_script(NULL, 0);
	world_use_worker(WORKER_SCRIPTED);
	(void)unlink(SETTINGS);
}

const struct report *world_report(void)
{
	return report;
}

const struct report_request *world_asked(unsigned int number)
{
	assert_true(number < report->requests);
	return &report->asked[number];
}

unsigned int world_open_descriptors(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}
