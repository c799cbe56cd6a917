/*
 * Where a key is in a process's memory: looked for in all of it. What is looked for is only kept complemented, so that
 * looking does not find itself.
 */
#ifndef TAZPOD_UNIT_KEY_SEARCH_H
#define TAZPOD_UNIT_KEY_SEARCH_H

#include "private_ns.h"

#include <sys/random.h>
#include <sys/uio.h>

#include "libtazpod/secret.h"

/* Under AddressSanitizer mlock() does nothing, and says that it did; a test that wraps it says otherwise. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#else
#define SANITIZED false
#endif
#ifndef MLOCK_WORKS
#define MLOCK_WORKS (!SANITIZED)
#endif

#define KEY_SIZE 64
#define PART 16      /* of a key, that is looked for */
#define WINDOW (1 << 20)
/* AddressSanitizer's shadow has terabytes, and describes memory without holding any of it. */
#define LARGEST_MAPPING (1UL << 36)

struct found {
	unsigned int locked, open; /* parts of it in mappings that are locked and kept out of dumps; and in others */
};

struct mapping {
	uintptr_t start, end;
	unsigned long resident; /* KiB; where nothing is, nothing is found */
	bool readable, safe;
};

static uint8_t complement[KEY_SIZE];
static uint8_t window[WINDOW];

static bool is_part(const uint8_t *at)
{
	for (size_t part = 0; part < KEY_SIZE; part += PART) {
		size_t i = 0;

		while (i < PART && (at[i] ^ complement[part + i]) == 0xff)
			i++;
		if (i == PART)
			return true;
	}
	return false;
}

static void look_into(pid_t pid, const struct mapping *mapping, struct found *ret)
{
	bool own = pid == getpid();

	for (uintptr_t at = mapping->start; at < mapping->end; at += WINDOW - PART) {
		struct iovec from = { .iov_base = (void *)at, .iov_len = mapping->end - at };
		struct iovec to = { .iov_base = window, .iov_len = WINDOW };
		ssize_t n;

		if (from.iov_len > WINDOW)
			from.iov_len = WINDOW;
		n = process_vm_readv(pid, &to, 1, &from, 1, 0);
		for (ssize_t i = 0; i + PART <= n; i++) {
			uintptr_t place = at + (uintptr_t)i;

			if (!is_part(window + i))
				continue;
			/* what was read is here once more */
			if (own && place + PART > (uintptr_t)window && place < (uintptr_t)window + WINDOW)
				continue;
			if (mapping->safe)
				ret->locked++;
			else
				ret->open++;
		}
		memset(window, 0, sizeof(window));
	}
}

/* All of them at once, since looking into one may change the list. */
static size_t read_mappings(pid_t pid, struct mapping *mappings, size_t count)
{
	_cleanup_fclose_ FILE *file = NULL;
	char line[1024], rights[8];
	size_t used = 0;

	(void)snprintf(line, sizeof(line), "/proc/%d/smaps", pid);
	file = fopen(line, "re");
	CHECK(file);
	while (fgets(line, sizeof(line), file)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3) {
			CHECK(used < count);
			mappings[used++] = (struct mapping){ start, end, 0, rights[0] == 'r', false };
		} else if (strncmp(line, "Rss:", 4) == 0) {
			mappings[used - 1].resident = strtoul(line + 4, NULL, 10);
		} else if (strncmp(line, "VmFlags:", 8) == 0) {
			mappings[used - 1].safe = (strstr(line, " lo") || !MLOCK_WORKS) && strstr(line, " dd");
		}
	}
	return used;
}

UNIT_UNUSED static struct found look_for_key(pid_t pid)
{
	static struct mapping mappings[2048];
	size_t count = read_mappings(pid, mappings, sizeof(mappings) / sizeof(mappings[0]));
	struct found found = { 0, 0 };

	CHECK(count > 5);
	for (size_t i = 0; i < count; i++)
		if (mappings[i].readable && mappings[i].resident && mappings[i].end - mappings[i].start < LARGEST_MAPPING)
			look_into(pid, &mappings[i], &found);
	return found;
}

/* A new one, to be looked for from here on. */
UNIT_UNUSED static void make_key(struct tz_secret *key)
{
	CHECK(tz_secret_alloc(key, KEY_SIZE) == 0 && getrandom(key->data, KEY_SIZE, 0) == KEY_SIZE);
	for (size_t i = 0; i < KEY_SIZE; i++)
		complement[i] = (uint8_t)~key->data[i];
}

#endif
