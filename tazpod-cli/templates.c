#include "templates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cli_template_types[] = { "base", "infisical", "k8s", "gemini", NULL };

static const char config[] =
	"# What this project's container is like; see tazpod-config.yaml(5). What is commented out is an example.\n"
	"\n"
	"# The name of the image that 'tazpod up' builds of the Containerfile, which extends localhost/tazpod/%1$s.\n"
	"image: localhost/%2$s:latest\n"
	"build:\n"
	"  dockerfile: .tazpod/Containerfile\n"
	"  context: .tazpod\n"
	"container_name: %2$s\n"
	"user: tazpod\n"
	"\n"
	"# engine: auto          # auto, docker or podman\n"
	"# driver: auto          # auto, fuse or dm-crypt\n"
	"\n"
	"# Each of these opens something up; the manual page says what.\n"
	"# network: bridge       # bridge, none, host, or a network's name\n"
	"# ports:                # for this machine only, unless an address stands in front: 0.0.0.0:8080:80\n"
	"#   - 8080:80\n"
	"# mounts:\n"
	"#   - source: ~/data\n"
	"#     target: /home/tazpod/data\n"
	"#     read_only: true\n"
	"# x11: true\n"
	"# wayland: true\n"
	"# ssh_agent: true\n"
	"# gpu: true\n";

static const char containerfile[] =
	"# What this project's container has. 'tazpod up' builds it.\n"
	"FROM localhost/tazpod/%1$s:latest\n"
	"\n"
	"# Programs that the project needs, for example:\n"
	"# RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*\n";

static const char secrets[] =
	"# Which secrets this project has, and where each goes in the vault. No secret is ever written here.\n"
	"#\n"
	"# config:\n"
	"#   infisical_project_id: 00000000-0000-0000-0000-000000000000\n"
	"#   infisical_url: https://app.infisical.com\n"
	"#\n"
	"# secrets:\n"
	"#   - name: KUBE_CONFIG     # as the server calls it\n"
	"#     file: kubeconfig      # becomes ~/secrets/kubeconfig\n"
	"#     env: KUBECONFIG       # and the variable that says where it is\n"
	"#   - name: API_TOKEN\n"
	"#     env: API_TOKEN        # a variable with the secret itself\n"
	"#\n"
	"# secrets.yml(5) has all that can be said. 'tazpod pull' fetches them.\n";

/* the engine would send the vault along with what it builds from */
static const char dockerignore[] = "vault\n";

static const char gitignore[] = "/vault/\n";

char *cli_template_config(const char *type, const char *container_name)
{
	char *text;

	return asprintf(&text, config, type, container_name) < 0 ? NULL : text;
}

char *cli_template_containerfile(const char *type)
{
	char *text;

	return asprintf(&text, containerfile, type) < 0 ? NULL : text;
}

char *cli_template_gitignore(void)
{
	return strdup(gitignore);
}

char *cli_template_dockerignore(void)
{
	return strdup(dockerignore);
}

char *cli_template_secrets(void)
{
	return strdup(secrets);
}
