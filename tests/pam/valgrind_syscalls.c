/*
 * For valgrind, which does not know clone3(2) and openat2(2) everywhere: preloaded, it makes of each the older call
 * that comes next to it. The same tests without valgrind use the real ones.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef long syscall_fn(long number, ...);

/* Handlers are not cleared, but the child sets all signals to their defaults anyway. */
static long as_clone(syscall_fn *real, const struct clone_args *wanted)
{
	return real(SYS_clone, CLONE_PIDFD | (long)wanted->exit_signal, 0L, (long)wanted->pidfd, 0L, 0L);
}

/* Of "no symlinks" it keeps what the tests of the module need: none at the end. */
static long as_openat(const long arguments[static 3])
{
	const struct open_how *how = (const struct open_how *)(uintptr_t)arguments[2];

	return openat((int)arguments[0], (const char *)(uintptr_t)arguments[1], (int)how->flags | O_NOFOLLOW,
		      (mode_t)how->mode);
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
	syscall_fn *real;
	long arguments[6];
	va_list list;

	*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arguments[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_clone3)
		return as_clone(real, (const struct clone_args *)(uintptr_t)arguments[0]);
	if (number == SYS_openat2)
		return as_openat(arguments);
	return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
