/*
 * Files in a vault, each by its path below it. No symlink is followed and nothing outside is reached, whatever the vault
 * has in it; what is in the way is told in a sentence that names it and says what to do.
 */
#ifndef TAZPOD_VAULTFILE_H
#define TAZPOD_VAULTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "manifest.h"
#include "textbuf.h"

struct tz_vaultfile_root {
	int fd;            /* the vault's folder */
	uint64_t mount;    /* its mount: nothing is renamed to another one */
	const char *shown; /* what messages call it, such as "~/secrets" */
};

/* Both are lent. */
int tz_vaultfile_root(int fd, const char *shown, struct tz_vaultfile_root *ret, struct tz_error *err);

/* A sentence for a negative errno that path gave, and that errno; -ENXIO, what opening a socket says, is an -EINVAL. */
int tz_vaultfile_refuse(const struct tz_vaultfile_root *root, const char *path, int code, struct tz_error *err);

/* A descriptor of the folder. -ENOENT, -ENOTDIR, -ELOOP, ... */
int tz_vaultfile_open_folder(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err);

/*
 * 1 when data is what is in the file, and nobody but its owner may read that; 0 when not. -ENOENT; -ELOOP (a symlink, or
 * one on the way), -ENOTDIR (a file on the way), -EINVAL (no regular file), ...
 */
int tz_vaultfile_compare(const struct tz_vaultfile_root *root, const char *path, const void *data, size_t size,
			 struct tz_error *err);
/* Adds what is in the file to *ret. As above, and -EFBIG: more than most bytes. After a failure *ret is as it was. */
int tz_vaultfile_read(const struct tz_vaultfile_root *root, const char *path, size_t most, struct tz_textbuf *ret,
		      struct tz_error *err);

/*
 * Can a file be put at path, by rename(2) of it or of a folder on its way? What is in the way now, but is to be removed
 * by the manifest, is not in the way. 0, or as above; -EACCES, -EPERM, -EXDEV.
 */
int tz_vaultfile_check_put(const struct tz_vaultfile_root *root, const char *path, const struct tz_manifest *manifest,
			   struct tz_error *err);
/* The same for tz_vaultfile_remove(). */
int tz_vaultfile_check_remove(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err);

/* Removes the file; what is not there, or has become something else than a regular file, is left alone. */
int tz_vaultfile_remove(const struct tz_vaultfile_root *root, const char *path, struct tz_error *err);
/* Removes the folders on the way to path, from the innermost on, as long as there is nothing in them. */
void tz_vaultfile_remove_empty_folders(const struct tz_vaultfile_root *root, const char *path);

#endif
