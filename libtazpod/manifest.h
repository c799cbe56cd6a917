/*
 * What `tazpod pull` keeps in the vault: which secret is in which file. It is a file in the vault itself, which can come
 * from elsewhere, or be edited: all that is odd in it is an error, and no path in it leads out of the vault.
 *
 *   tazpod-pulled 1 COUNT
 *   NAME PATH              one line each, in the order of the paths
 *
 * There is no secret in it.
 */
#ifndef TAZPOD_MANIFEST_H
#define TAZPOD_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "error.h"

/* TazPod's own folder in the vault, and below it where the secrets are that have no file of their own. */
#define TZ_MANIFEST_FOLDER ".tazpod"
#define TZ_MANIFEST_VALUES ".tazpod/values"
#define TZ_MANIFEST_FILE "pulled"
/* The longest path, as in secrets.yml, and the longest name. */
#define TZ_MANIFEST_PATH 255
#define TZ_MANIFEST_NAME 127
#define TZ_MANIFEST_SIZE_MAX (16 * 1024 * 1024)

/* An entry, and what the pull that is under way has done with it. */
struct tz_manifest_entry {
	char *path;
	char *name;   /* several files may have the same */
	bool put;
	bool staged;  /* put, and not the same as what is there */
	bool added;   /* put where nothing is */
	bool removed;
};

/* In the order of the paths, in which what collides with a file is next to it; no two have the same path. */
struct tz_manifest {
	struct tz_manifest_entry **entries;
	size_t count, room;
};

#define TZ_MANIFEST_INIT { NULL, 0, 0 }

/*
 * May a secret be there? Relative, not too long, and in TazPod's own folder only as a value: ".tazpod/values/NAME".
 * 0, or -EINVAL with a sentence.
 */
int tz_manifest_check_path(const char *path, struct tz_error *err);
/* May a secret be called so? A variable's name. 0, or -EINVAL with a sentence. */
int tz_manifest_check_name(const char *name, struct tz_error *err);

/* NULL where there is none. It is found there for as long as the manifest lives. */
struct tz_manifest_entry *tz_manifest_find(const struct tz_manifest *manifest, const char *path);
/* Where path is among the entries, or would be. */
size_t tz_manifest_place(const struct tz_manifest *manifest, const char *path);
/* The entry of path, made where it is missing; its name is name from here on. -ENOMEM. */
int tz_manifest_set(struct tz_manifest *manifest, const char *name, const char *path, struct tz_manifest_entry **ret);
/* Drops what was removed, and forgets what was put. */
void tz_manifest_settle(struct tz_manifest *manifest);
/* 0, or -EEXIST with a sentence: of what is not removed, one path is within another. */
int tz_manifest_check_collisions(const struct tz_manifest *manifest, struct tz_error *err);

/*
 * Reads the file of that name in dirfd; shown is what messages call it. -ENOENT: there is none, and err is untouched.
 * Else, with a sentence: what tz_smallfile_read() says, -EINVAL: it is not what tz_manifest_write() wrote.
 */
int tz_manifest_load(int dirfd, const char *file, const char *shown, struct tz_manifest *ret, struct tz_error *err);
/* Writes what is not removed. */
int tz_manifest_write(int fd, const struct tz_manifest *manifest);

void tz_manifest_free(struct tz_manifest *manifest);

#define _cleanup_manifest_ tz_cleanup(tz_manifest_free)

#endif
