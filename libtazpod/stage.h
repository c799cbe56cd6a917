/*
 * A tree of files that is made beside another one, and then merged into it: what is to be at db/password there is at
 * db/password here. The merge moves, by rename(2), and so can be interrupted and begun again: whatever is still here is
 * what remains to be done. A folder that is missing there goes as a whole.
 *
 * No symlink is followed, here or there, and nothing outside of the two is reached.
 */
#ifndef TAZPOD_STAGE_H
#define TAZPOD_STAGE_H

#include <stddef.h>

#include "error.h"

/*
 * Writes a new file, mode 0600, and the folders on its way, mode 0700. It is not synced. -EEXIST: a folder is there;
 * -ENOTDIR: a folder on its way is a file.
 */
int tz_stage_write(int tree, const char *path, const void *data, size_t size);

/*
 * Moves all that is in tree to target, on the same file system; files there are replaced. shown is what messages call
 * target. -EINVAL: tree has something in it that tz_stage_write() does not make, or that may not go to target
 * (manifest.h); else what stood in the way. What was moved until then stays moved.
 */
int tz_stage_merge(int tree, int target, const char *shown, struct tz_error *err);

/* Removes the folder name of parent, with all that is in it; 0 where there is none. */
int tz_stage_drop(int parent, const char *name);

#endif
