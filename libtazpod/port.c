#include "port.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Decimal, from 1 to 65535, without zeros in front. Moves *text behind it. */
static bool read_number(const char **text, unsigned int *ret)
{
	unsigned int value = 0;
	const char *p = *text;

	if (*p == '0')
		return false;
	for (; *p >= '0' && *p <= '9' && value <= UINT16_MAX; p++)
		value = value * 10 + (unsigned int)(*p - '0');
	if (p == *text || value > UINT16_MAX)
		return false;
	*text = p;
	*ret = value;
	return true;
}

/* The address before the first ':' outside of brackets, as the system writes it. Moves *text behind that ':'. */
static bool read_address(const char **text, char ret[static INET6_ADDRSTRLEN + 2])
{
	bool is_v6 = **text == '[';
	const char *from = *text + is_v6;
	size_t size = strcspn(from, is_v6 ? "]" : ":");
	char address[INET6_ADDRSTRLEN];
	unsigned char binary[sizeof(struct in6_addr)];

	if (size == 0 || size >= sizeof(address) || !from[size] || (is_v6 && from[size + 1] != ':'))
		return false;
	memcpy(address, from, size);
	address[size] = '\0';
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address, binary) != 1 ||
	    !inet_ntop(is_v6 ? AF_INET6 : AF_INET, binary, address, sizeof(address)))
		return false;
	(void)snprintf(ret, INET6_ADDRSTRLEN + 2, "%s%s%s", is_v6 ? "[" : "", address, is_v6 ? "]" : "");
	*text = from + size + 1 + is_v6;
	return true;
}

static bool has_address(const char *text)
{
	const char *colon = strchr(text, ':');

	return *text == '[' || (colon && strchr(colon + 1, ':'));
}

bool tz_port_normalise(const char *text, char ret[static TZ_PORT_TEXT])
{
	char address[INET6_ADDRSTRLEN + 2] = "127.0.0.1";
	const char *protocol = "/tcp";
	bool addressed = has_address(text);
	unsigned int host, container;

	if (addressed && !read_address(&text, address))
		return false;
	if (!read_number(&text, &host))
		return false;
	container = host;
	if (addressed && *text != ':')
		return false;
	if (*text == ':') {
		text++;
		if (!read_number(&text, &container))
			return false;
	}
	if (strcmp(text, "/udp") == 0)
		protocol = "/udp";
	else if (*text && strcmp(text, "/tcp") != 0)
		return false;
	(void)snprintf(ret, TZ_PORT_TEXT, "%s:%u:%u%s", address, host, container, protocol);
	return true;
}
