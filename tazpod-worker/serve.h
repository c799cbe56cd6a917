/*
 * The server of the user-space driver (server.h): the process that is between the vault's loop device and its image.
 *
 * 1. It is started by fork and exec with three descriptors, and takes nothing from arguments or environment.
 * 2. Nobody has to end it: when the loop device has let go of its file, the kernel does away with the FUSE mount, and
 *    reading from that ends. It heeds no signal but SIGKILL, since the vault may still have to be unmounted.
 * 3. The key's bytes are wiped once the cipher has them; expanded, they lie in one locked block (cryptomem.h).
 * 4. Once it runs it has no capability, no file system, and no system call but those of its work (confine.h).
 */
#ifndef TAZPOD_WORKER_SERVE_H
#define TAZPOD_WORKER_SERVE_H

/* main() of a program that is called tazpod-server. Returns the exit status. */
int tz_serve_main(void);

#endif
