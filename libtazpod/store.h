/*
 * The files that `tazpod pull` keeps in the vault, among those that the user has there himself. A pull changes a set of
 * files: either all of the change is there or nothing of it, after SIGKILL and a power cut at any instruction, too.
 * Needs no privilege. Who calls has seen to it that the vault is open: nothing here tells an empty mount point from one.
 *
 * Below the vault's .tazpod (0700):
 *   pulled     the manifest (manifest.h): which secret is in which file
 *   values/    where the caller keeps the secrets that have no file of their own
 *   stage.new  a change that is being made: `tree`, with each new file at its path, and `pulled`, the manifest to be
 *   stage      one that is committed, and is being put in its place
 *
 * 1. All of stage.new is synced before it is renamed to stage. That rename is the commit.
 * 2. Whatever could keep a commit from being put in its place (a folder where a file is to be, a symlink on the way, a
 *    full disk) MUST be found before. Somebody could still put it there just then: the sentence says what to move away.
 * 3. A commit is put in its place in steps that can be done again: remove what only the old manifest has; move `tree`
 *    over the vault (stage.h); sync; replace the manifest; remove stage. What was interrupted is finished by the next
 *    who opens the store, for reading too.
 * 4. Nothing is removed that is not in the manifest, or is no regular file any more.
 * 5. A value MUST NOT get into a sentence, nor into memory that is not wiped.
 * 6. No symlink is followed, and nothing outside of the vault is reached, whatever its files say.
 *
 * A folder for each pull and a symlink to the newest would be simpler, since one rename changes all. But the files have
 * to be at the paths that secrets.yml names, next to the user's own, so each path would have to be such a symlink, and
 * those can only be made one by one, too; and programs that refuse symlinks, or replace them when they write (ssh,
 * editors), would not do. The other price of real files: who reads them without this may, for the moment in which a
 * commit is put in its place, see some that are new and some that are old.
 *
 * Synced is by syncfs(2): it waits for whatever else was written in the vault, but thousands of files cost one journal
 * commit and one flush rather than that many. It tells of errors since Linux 5.8, and a vault takes openat2(2) (5.6).
 *
 * The lock is flock(2) on the vault's own folder: a reader needs no file made for it.
 */
#ifndef TAZPOD_STORE_H
#define TAZPOD_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "cleanup.h"
#include "error.h"
#include "manifest.h"
#include "textbuf.h"

struct tz_store;

enum tz_store_state {
	TZ_STORE_NEW,     /* there is no such file */
	TZ_STORE_CHANGED, /* it has other bytes, or others than its owner may read it */
	TZ_STORE_SAME,
};

/*
 * shown is what messages call the vault, such as "~/secrets". Many may read at a time, one writes: waits up to
 * timeout_ms; -EBUSY with a sentence. So close it before anything that takes long. Finishes what was interrupted, and when writing drops what was not committed. A
 * reader changes nothing else, and sees the last commit for as long as the store is open. The caller gives *ret to
 * tz_store_close().
 */
int tz_store_open(const char *vault, const char *shown, bool writing, unsigned int timeout_ms, struct tz_store **ret,
		  struct tz_error *err);
/* Drops what was put and removed and not committed. Accepts NULL. */
void tz_store_close(struct tz_store *store);

/*
 * The secrets in the order of their paths, previous NULL for the first; NULL behind the last. What tz_store_put() put is
 * among them, what was removed is not. An entry is valid until the commit; its `put` tells whether this pull has put it.
 */
const struct tz_manifest_entry *tz_store_next(const struct tz_store *store, const struct tz_manifest_entry *previous);
/* That of path; NULL where no pull put it there, so that what is there is the user's. */
const struct tz_manifest_entry *tz_store_find(const struct tz_store *store, const char *path);

/* How data is to what is there. -EINVAL: something is there that is no regular file, or path is none for a secret. */
int tz_store_compare(const struct tz_store *store, const char *path, const void *data, size_t size,
		     enum tz_store_state *ret, struct tz_error *err);
/*
 * Adds what is there to *ret, the user's own files too; what is put and not committed is not. Each with its sentence:
 * -ENOENT, -EFBIG (more than most bytes), -ELOOP (a symlink, or one on the way), -ENOTDIR (a file on the way), -EINVAL
 * (no regular file). After a failure *ret is as it was.
 */
int tz_store_read(const struct tz_store *store, const char *path, size_t most, struct tz_textbuf *ret,
		  struct tz_error *err);

/*
 * Puts the secret called name to path, replacing what is there; *ret (may be NULL) is how it was. The rest of the old set
 * stays. Only what is not the same is written. -EEXIST: another secret of this pull is there, or is in the way, or what
 * is there is no pull's and has other content.
 * Where a file was that is removed, a folder may come; but where a folder is, none is removed for a file.
 * After a put that failed, nothing can be committed any more.
 */
int tz_store_put(struct tz_store *store, const char *name, const char *path, const void *data, size_t size,
		 enum tz_store_state *ret, struct tz_error *err);
/* Removes one that an earlier pull put, and the folders that it leaves empty. -ENOENT: the manifest has none there. */
int tz_store_remove(struct tz_store *store, const char *path, struct tz_error *err);
/*
 * Makes what was put and removed the new set; does nothing where that is the old one. When it fails, nothing has
 * changed, and closing is all that is left to do; unless the sentence says that the rest follows: then the next who
 * opens the store finishes it. -EEXIST, -EINVAL, -ELOOP, -ENOTDIR, -EACCES, -EPERM, -EXDEV: something is in the way;
 * -ENOSPC.
 */
int tz_store_commit(struct tz_store *store, struct tz_error *err);

static inline void tz_store_closep(struct tz_store **store)
{
	tz_store_close(*store);
	*store = NULL;
}

#define _cleanup_store_ tz_cleanup(tz_store_closep)

#endif
