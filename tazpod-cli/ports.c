#include "ports.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"

/* "ADDRESS:HOST:CONTAINER/PROTOCOL", an IPv6 address in brackets: what tz_port_normalise() makes, and nothing else. */
static bool take_apart(const char *port, char address[64], char number[16], bool *ret_udp)
{
	int end = 0;

	(void)sscanf(port, port[0] == '[' ? "[%63[^]]]:%15[0-9]:%n" : "%63[^:]:%15[0-9]:%n", address, number, &end);
	*ret_udp = strstr(port, "/udp");
	return end > 0;
}

static int try_to_bind(const struct addrinfo *place)
{
	static const int on = 1;
	_cleanup_close_ int fd = socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	/* connections that are about to end are in nobody's way */
	if (place->ai_socktype == SOCK_STREAM)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, place->ai_addr, place->ai_addrlen) < 0 ? -errno : 0;
}

int cli_ports_check(const struct tz_project *project, struct tz_error *err)
{
	for (unsigned int i = 0; i < project->port_count; i++) {
		struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *place;
		char address[64], number[16];
		bool udp;
		int r;

		if (!take_apart(project->ports[i].text, address, number, &udp))
			return tz_error_set(err, EINVAL, "this is no port to publish: %s", project->ports[i].text);
		hints.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM;
		if (getaddrinfo(address, number, &hints, &place) != 0)
			continue;
		r = try_to_bind(place);
		freeaddrinfo(place);
		if (r == -EADDRINUSE)
			return tz_error_set(err, r, "port %s of %s is in use on this machine: 'ss -ltnup' shows by whom; or publish "
					    "another one with 'ports:' in .tazpod/config.yaml", number, address);
	}
	return 0;
}
