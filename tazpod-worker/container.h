/*
 * The container's first process, where TazPod is in one: what a machine's init would do for it.
 *
 * 1. Before anybody comes in it gives the public user the ids of the workspace's owner, so that what one of the two
 *    writes is the other's, too. It holds a lock on TZ_CONTAINER_MARK until then.
 * 2. It waits for whoever has lost his parent.
 * 3. On SIGTERM, as the engine stops the container, it locks the vault, so that sessions end in order, and ends. When
 *    it is killed the kernel does it all, as ever.
 */
#ifndef TAZPOD_CONTAINER_H
#define TAZPOD_CONTAINER_H

#define TZ_CONTAINER_NAME "tazpod-container"

/* main() of a program that is called tazpod-container and is the first process. Returns the exit status. */
int tz_container_main(void);

#endif
