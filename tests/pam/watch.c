/*
 * These functions stand before those of libc, for libpam and the module too: the program exports them. What is noted
 * lies in static memory, since free() must not allocate.
 */
#include "tests/pam/pam_test.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define EXPORT __attribute__((visibility("default")))

static char text[32768];
static int locks_left = -1;
static char *watched_from, *watched_to;
static void (*freed)(void *pointer);

extern void __libc_free(void *pointer);
EXPORT void __syslog_chk(int priority, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
EXPORT void syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

void watch_reset(void)
{
	text[0] = '\0';
	locks_left = -1;
}

const char *watch_log(void)
{
	return text;
}

void watch_lock_limit(int times)
{
	locks_left = times;
}

void watch_free(void *memory, size_t size, void (*noted)(void *pointer))
{
	watched_from = memory;
	watched_to = watched_from + size;
	freed = noted;
}

EXPORT void free(void *pointer)
{
	if (watched_from && (char *)pointer >= watched_from && (char *)pointer < watched_to)
		freed(pointer);
	else
		__libc_free(pointer);
}

EXPORT int mlock(const void *memory, size_t size)
{
	if (locks_left == 0) {
		errno = ENOMEM;
		return -1;
	}
	if (locks_left > 0)
		locks_left--;
	return (int)syscall(SYS_mlock, memory, size);
}

static void note(int priority, const char *format, va_list list)
{
	size_t used = strlen(text);
	int n = snprintf(text + used, sizeof(text) - used, "%d ", priority & 7);

	used += (size_t)n;
	if (used + 2 < sizeof(text)) {
		(void)vsnprintf(text + used, sizeof(text) - used - 1, format, list);
		(void)strcat(text, "\n");
	}
}

void __syslog_chk(int priority, int flag UNIT_UNUSED, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	note(priority, format, list);
	va_end(list);
}

void syslog(int priority, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	note(priority, format, list);
	va_end(list);
}
