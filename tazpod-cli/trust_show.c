#include <string.h>

#include "trust.h"

#define LOOPBACK_V4 "127."
#define LOOPBACK_V6 "[::1]:"

static void show_network(const struct tz_project *project, FILE *stream)
{
	if (strcmp(project->network, "host") == 0)
		(void)fprintf(stream, "  - be in this machine's own network: it reaches what listens on 127.0.0.1 here, and can listen "
			      "on any port\n");
	else if (strcmp(project->network, "none") == 0)
		(void)fprintf(stream, "  - have no network\n");
	else if (strcmp(project->network, "bridge") != 0)
		(void)fprintf(stream, "  - be in the engine's network %s, with all containers there\n", project->network);
}

static void show_ports(const struct tz_project *project, FILE *stream)
{
	for (unsigned int i = 0; i < project->port_count; i++) {
		const char *port = project->ports[i].text;
		bool local = strncmp(port, LOOPBACK_V4, strlen(LOOPBACK_V4)) == 0 ||
			     strncmp(port, LOOPBACK_V6, strlen(LOOPBACK_V6)) == 0;

		(void)fprintf(stream, "  - listen on a port of this machine, for %s: %s\n",
			      local ? "its own programs" : "every machine that reaches it", port);
	}
}

static void show_mounts(const struct tz_project *project, FILE *stream)
{
	for (unsigned int i = 0; i < project->mount_count; i++)
		(void)fprintf(stream, "  - %s %s of this machine, at %s there\n",
			      project->mounts[i].read_only ? "read" : "read and change", project->mounts[i].source,
			      project->mounts[i].target);
}

static void show_sockets(const struct tz_project *project, FILE *stream)
{
	if (project->x11)
		(void)fprintf(stream, "  - use your X11 display: see all of its windows, and all that you type into them\n");
	if (project->wayland)
		(void)fprintf(stream, "  - show windows on your Wayland display, and use the clipboard there\n");
	if (project->ssh_agent)
		(void)fprintf(stream, "  - use the keys in your ssh agent, for as long as that runs\n");
	if (project->gpu)
		(void)fprintf(stream, "  - use the graphics devices: their drivers in the kernel are within its reach\n");
	if (project->driver == TZ_DRIVER_DM_CRYPT)
		(void)fprintf(stream, "  - use device-mapper: root there sees and changes every mapping of this machine\n");
}

void cli_trust_show(const struct tz_project *project, FILE *stream)
{
	(void)fprintf(stream, "The config of %s wants a container that may:\n", project->folder);
	if (project->has_build)
		(void)fprintf(stream, "  - be built by the commands in %s, with what is in %s\n", project->dockerfile,
			      strcmp(project->context, ".") == 0 ? "the project's folder" : project->context);
	if (project->has_build)
		(void)fprintf(stream, "  - give what is built the name %s: another image of that name here loses it\n", project->image);
	(void)fprintf(stream, "  - run the image %s, its programs as the container's root\n", project->image);
	(void)fprintf(stream, "  - read and change the project's folder, but for its .tazpod\n");
	if (strcmp(project->user, TZ_PROJECT_USER) != 0)
		(void)fprintf(stream, "  - let you in as its user %s\n", project->user);
	show_network(project, stream);
	show_ports(project, stream);
	show_mounts(project, stream);
	show_sockets(project, stream);
}
