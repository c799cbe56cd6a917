/*
 * libdevmapper decides when it is loaded, before main(), whether it waits for udev to answer. Nobody answers in a
 * container, nor in an IPC namespace of one's own (the semaphore that it waits for is not seen from outside), so it
 * would wait for ever.
 */
#ifndef TAZPOD_DMENV_H
#define TAZPOD_DMENV_H

/*
 * At the start of a program that reads keyslots with libcryptsetup (which falls back on libdevmapper where the kernel
 * has no AF_ALG for it; our own driver does not use that library): executes the program once more, with DM_DISABLE_UDEV=1
 * in its environment, unless that is there. Returns 0 when it is, or a negative errno.
 */
int tz_dmenv_ensure(char **argv);

#endif
