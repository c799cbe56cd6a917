#include "private_ns.h"

#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "libtazpod/procmask.h"

/* A directory and a file that every kernel's /proc has, to be masked as a container does. */
#define MASKED_DIR "/proc/fs"
#define MASKED_FILE "/proc/kallsyms"

static void mask_as_a_container_does(void)
{
	CHECK(mount("/dev/null", MASKED_FILE, NULL, MS_BIND, NULL) == 0);
	CHECK(mount("/proc/sys", "/proc/sys", NULL, MS_BIND | MS_REC, NULL) == 0);
	CHECK(mount(NULL, "/proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
	/* a mask on a mask, and a second one in the same place */
	CHECK(mount("nested", "/proc/sys/fs", "tmpfs", MS_RDONLY, "mode=555") == 0);
	CHECK(mount("covered", MASKED_DIR, "tmpfs", 0, "mode=700") == 0);
	CHECK(mount("masked", MASKED_DIR, "tmpfs", MS_RDONLY, "mode=555") == 0);
}

static void check_masks(void)
{
	struct stat st;

	CHECK(stat(MASKED_FILE, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	CHECK(open("/proc/sys/kernel/domainname", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
	CHECK_CONTAINS(mountinfo_of("/proc/sys"), " ro,");
	CHECK_CONTAINS(mountinfo_of("/proc/sys/fs"), "- tmpfs nested");
	CHECK_CONTAINS(mountinfo_of(MASKED_DIR), "- tmpfs masked");
	CHECK(access("/proc/sys/fs/file-nr", F_OK) < 0);
}

/* The name in /proc/1/comm, as nobody: hidepid= must hide it. */
static int sees_pid_1(void *data)
{
	(void)data;
	return unit_become_nobody() < 0 ? 2 : access("/proc/1/comm", R_OK) == 0;
}

static void collect_and_mount(struct tz_procmask *mask, const char *source)
{
	struct tz_error err = { 0 };

	CHECK_CODE(tz_procmask_collect(mask, &err), 0, &err);
	CHECK_CODE(tz_procmask_mount(mask, source, &err), 0, &err);
	CHECK(mask->count == 0);
}

static void check_own_proc(const char *source)
{
	char text[128], self[16];
	ssize_t n = readlink("/proc/self", self, sizeof(self) - 1);

	CHECK(n > 0);
	self[n] = '\0';
	CHECK(getpid() == 1 && strcmp(self, "1") == 0);
	(void)snprintf(text, sizeof(text), "- proc %s ", source);
	CHECK_CONTAINS(mountinfo_of("/proc"), text);
	CHECK_CONTAINS(mountinfo_of("/proc"), "nosuid,nodev,noexec");
}

static int inner(void *data)
{
	const char *source = data;
	struct tz_procmask mask = { .count = 0 };

	collect_and_mount(&mask, source);
	check_own_proc(source);
	check_masks();
	return 0;
}

static int keeps_masks(void)
{
	mask_as_a_container_does();
	check_masks();
	return in_pid_ns(inner, (void *)(uintptr_t)"new");
}

static int nested(void *data)
{
	(void)inner(data);
	return in_pid_ns(inner, (void *)(uintptr_t)"newer");
}

static int keeps_masks_when_nested(void)
{
	mask_as_a_container_does();
	return in_pid_ns(nested, (void *)(uintptr_t)"new");
}

static int inner_hidden(void *data)
{
	struct tz_procmask mask = { .count = 0 };
	pid_t pid;
	int status;

	(void)data;
	collect_and_mount(&mask, "new");
	check_own_proc("new");
	check_masks();
	CHECK_CONTAINS(mountinfo_of("/proc"), "hidepid=invisible");
	CHECK_CONTAINS(mountinfo_of("/proc"), "gid=12345");
	CHECK_CONTAINS(mountinfo_of("/proc"), "noatime");
	pid = fork();
	if (pid == 0)
		_exit(sees_pid_1(NULL));
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int outer_hidden(void *data)
{
	(void)data;
	CHECK(mount("outer", "/proc", "proc", MS_NOATIME, "hidepid=2,gid=12345") == 0);
	mask_as_a_container_does();
	return in_pid_ns(inner_hidden, NULL);
}

static int keeps_options(void)
{
	return in_pid_ns(outer_hidden, NULL);
}

static int inner_subset(void *data)
{
	struct tz_procmask mask = { .count = 0 };

	(void)data;
	collect_and_mount(&mask, "new");
	check_own_proc("new");
	CHECK_CONTAINS(mountinfo_of("/proc"), "subset=pid");
	CHECK_CONTAINS(mountinfo_of("/proc"), " ro,");
	CHECK(access("/proc/sys", F_OK) < 0 && access(MASKED_FILE, F_OK) < 0);
	return 0;
}

static int outer_subset(void *data)
{
	(void)data;
	if (mount("outer", "/proc", "proc", MS_RDONLY, "subset=pid") < 0)
		return EXIT_SKIP;
	/* in the directory of a process that the new /proc knows by another number */
	CHECK(mount("process", "/proc/1/net", "tmpfs", 0, NULL) == 0);
	return in_pid_ns(inner_subset, NULL);
}

static int keeps_subset(void)
{
	return in_pid_ns(outer_subset, NULL);
}

static int refuses_to_lose_masks(void)
{
	struct tz_procmask mask = { .count = 0 };
	struct tz_error err = { 0 };
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;
	char path[300];
	int masked = 0;

	CHECK(dir);
	while ((entry = readdir(dir)) && masked <= TZ_PROCMASK_MAX) {
		(void)snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
		if (entry->d_type == DT_REG && mount("/dev/null", path, NULL, MS_BIND, NULL) == 0)
			masked++;
	}
	if (masked <= TZ_PROCMASK_MAX) {
		/* this kernel's /proc has too few files: /proc/sys has enough */
		(void)closedir(dir);
		dir = opendir("/proc/sys/kernel");
		CHECK(dir);
		while ((entry = readdir(dir)) && masked <= TZ_PROCMASK_MAX) {
			(void)snprintf(path, sizeof(path), "/proc/sys/kernel/%s", entry->d_name);
			if (entry->d_type == DT_REG && mount("/dev/null", path, NULL, MS_BIND, NULL) == 0)
				masked++;
		}
	}
	CHECK(masked > TZ_PROCMASK_MAX);
	CHECK_CODE(tz_procmask_collect(&mask, &err), -E2BIG, &err);
	CHECK(mask.count == 0);
	return 0;
}

static int refuses_without_proc(void)
{
	struct tz_procmask mask = { .count = 0 };
	struct tz_error err = { 0 };

	CHECK(umount2("/proc", MNT_DETACH) == 0);
	CHECK(tz_procmask_collect(&mask, &err) < 0 && mask.count == 0);
	CHECK(mount("fake", "/proc", "tmpfs", 0, NULL) == 0);
	CHECK(tz_procmask_collect(&mask, &err) < 0);
	return 0;
}

static int frees_what_it_holds(void)
{
	struct tz_procmask mask = { .count = 0 };
	struct tz_error err = { 0 };
	int before = dup(0), after;

	CHECK(close(before) == 0);
	mask_as_a_container_does();
	CHECK_CODE(tz_procmask_collect(&mask, &err), 0, &err);
	CHECK(mask.count >= 3);
	tz_procmask_free(&mask);
	tz_procmask_free(&mask);
	after = dup(0);
	CHECK(after == before);
	return 0;
}

#define TEST(function) static void test_##function(void **state) { (void)state; in_private_ns(function); }
TEST(keeps_masks)
TEST(keeps_masks_when_nested)
TEST(keeps_options)
TEST(keeps_subset)
TEST(refuses_to_lose_masks)
TEST(refuses_without_proc)
TEST(frees_what_it_holds)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_masks),
		cmocka_unit_test(test_keeps_masks_when_nested),
		cmocka_unit_test(test_keeps_options),
		cmocka_unit_test(test_keeps_subset),
		cmocka_unit_test(test_refuses_to_lose_masks),
		cmocka_unit_test(test_refuses_without_proc),
		cmocka_unit_test(test_frees_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
