/*
 * .tazpod/config.yaml: what a project asks of its container. See tazpod-config.yaml(5).
 *
 * It may have come with a repository, so it is hostile until its user said that he trusts it: no value of it can become
 * an option of the engine's, leave the project by "..", or carry a control character. Keys that are not known are told
 * as warnings, since other versions read the file, too; all else that is wrong is an error with file, line and column.
 */
#ifndef TAZPOD_PROJECT_H
#define TAZPOD_PROJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "digest.h"
#include "error.h"
#include "port.h"
#include "settings.h"

#define TZ_PROJECT_PATH 1024
#define TZ_PROJECT_FILE ".tazpod/config.yaml"
#define TZ_PROJECT_FILE_MAX (64 * 1024)
#define TZ_PROJECT_NAME 128
#define TZ_PROJECT_LIST_MAX 16
#define TZ_PROJECT_USER "tazpod"

enum tz_engine_choice { TZ_ENGINE_AUTO, TZ_ENGINE_DOCKER, TZ_ENGINE_PODMAN };

struct tz_project_mount {
	char source[TZ_PROJECT_PATH]; /* absolute, on the host */
	char target[TZ_PROJECT_PATH]; /* absolute, in the container */
	bool read_only;
};

struct tz_project {
	char folder[TZ_PROJECT_PATH];          /* absolute, no symlink: the project */
	char config_digest[TZ_DIGEST_TEXT];    /* of the text that all this was read from */
	char image[256];                       /* image: localhost/tazpod/base:latest, with build localhost/NAME */
	char container_name[TZ_PROJECT_NAME];  /* container_name: made of the folder's path where it is missing */
	char user[64];                         /* user: the public user in the container, tazpod */
	enum tz_engine_choice engine;          /* engine: auto | docker | podman */
	enum tz_driver_choice driver;          /* driver: auto | dm-crypt | fuse, of the container */
	bool ghost_mode, debug;                /* features: true, false */
	bool has_build;
	char dockerfile[TZ_PROJECT_PATH];      /* build.dockerfile, relative to the folder: Dockerfile in the context */
	char context[TZ_PROJECT_PATH];         /* build.context, relative to the folder: "." */
	char network[64];                      /* network: bridge | none | host | a network's name */
	unsigned int port_count;
	struct {
		char text[TZ_PORT_TEXT];       /* ADDRESS:HOST:CONTAINER/PROTOCOL */
	} ports[TZ_PROJECT_LIST_MAX];
	unsigned int mount_count;
	struct tz_project_mount mounts[TZ_PROJECT_LIST_MAX];
	bool x11, wayland, ssh_agent, gpu;     /* false */
};

/* Told for each thing that is odd but no error: "file:line:column: ...". */
typedef void (*tz_project_warn_fn)(void *data, const char *sentence);

/*
 * The nearest folder, from start upwards, in which there is a .tazpod/config.yaml: absolute, without symlinks. -ENOENT
 * with a sentence where there is none.
 */
int tz_project_find(const char *start, char ret[static TZ_PROJECT_PATH], struct tz_error *err);

/* Reads that of folder. warn may be NULL. *ret is untouched on failure. */
int tz_project_load(const char *folder, struct tz_project *ret, tz_project_warn_fn warn, void *data,
		    struct tz_error *err);

/*
 * The same for text in memory, named name in messages, of a project in folder (absolute and clean) whose user has his
 * home at home (NULL: nobody knows).
 */
int tz_project_parse(const char *text, size_t size, const char *name, const char *folder, const char *home,
		     struct tz_project *ret, tz_project_warn_fn warn, void *data, struct tz_error *err);

/* "tazpod-FOLDER-SUFFIX", where FOLDER is the last component of folder as far as engines can take it. */
void tz_project_container_name(const char *folder, const char *suffix, char ret[static TZ_PROJECT_NAME]);

const char *tz_engine_choice_name(enum tz_engine_choice choice);

#endif
