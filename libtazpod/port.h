/* One port of the container's that the host is to serve. */
#ifndef TAZPOD_PORT_H
#define TAZPOD_PORT_H

#include <stdbool.h>

#define TZ_PORT_TEXT 64

/*
 * Reads "8080", "8080:80" or "ADDRESS:8080:80", each with or without "/tcp" or "/udp" behind it; an address of IPv6 is
 * in brackets. Gives it back whole, as ADDRESS:HOST:CONTAINER/PROTOCOL: without an address it is 127.0.0.1, so that no
 * other machine reaches the port. False for anything else, with *ret untouched.
 */
bool tz_port_normalise(const char *text, char ret[static TZ_PORT_TEXT]);

#endif
