#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "path.h"

void doctor_add(struct doctor *doctor, enum doctor_level level, const char *name, const char *format, ...)
{
	struct doctor_finding *finding = &doctor->findings[doctor->count];
	va_list args;

	if (doctor->count == DOCTOR_FINDINGS_MAX)
		return;
	doctor->count++;
	finding->level = level;
	finding->name = name;
	va_start(args, format);
	if (vsnprintf(finding->text, sizeof(finding->text), format, args) < 0)
		finding->text[0] = '\0';
	va_end(args);
}

bool doctor_needs_root(struct doctor *doctor, const char *name)
{
	if (!doctor->root)
		doctor_add(doctor, DOCTOR_UNKNOWN, name, "only root can try this: run 'tazpod doctor' as root");
	return doctor->root;
}

static _Noreturn void work_in_child(int (*work)(const struct doctor *doctor, struct tz_error *err),
				    const struct doctor *doctor, int pipe_end)
{
	struct tz_error error = { 0 };
	int r = work(doctor, &error);

	error.code = r;
	_exit(tz_write_all(pipe_end, &error, sizeof(error)) < 0);
}

int doctor_try(int (*work)(const struct doctor *doctor, struct tz_error *err), const struct doctor *doctor,
	       struct tz_error *err)
{
	_cleanup_close_ int from_child = -1;
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return tz_error_set(err, errno, "no pipe can be made: %m");
	from_child = ends[0];
	pid = fork();
	if (pid == 0)
		work_in_child(work, doctor, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return tz_error_set(err, errno, "no process can be made to try it: %m");
	do
		n = read(from_child, err, sizeof(*err));
	while (n < 0 && errno == EINTR);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(*err))
		return tz_error_set(err, ECHILD, "the process that tried it died");
	return err->code;
}

bool doctor_check_file(struct doctor *doctor, const char *name, const char *path)
{
	struct stat st;
	const char *wrong = NULL;

	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			doctor_add(doctor, DOCTOR_FAIL, name, "%s is missing; install TazPod again", path);
		else
			doctor_add(doctor, DOCTOR_FAIL, name, "%s cannot be examined: %m", path);
		return false;
	}
	if (!S_ISREG(st.st_mode))
		wrong = "is no regular file; install TazPod again";
	else if (st.st_uid != 0)
		wrong = "does not belong to root; chown it";
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		wrong = "may be written by others; chmod go-w it";
	else if (st.st_mode & (S_ISUID | S_ISGID))
		wrong = "is setuid or setgid, which it must not be; chmod ug-s it";
	if (wrong)
		doctor_add(doctor, DOCTOR_FAIL, name, "%s %s", path, wrong);
	return !wrong;
}
