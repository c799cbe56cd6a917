/* The files that a new project begins with. */
#ifndef TAZPOD_CLI_TEMPLATES_H
#define TAZPOD_CLI_TEMPLATES_H

/* The images that TazPod has, ended by NULL; the first is what is taken where none is named. */
extern const char *const cli_template_types[];

/* Each is the caller's to free; NULL: out of memory. */
char *cli_template_config(const char *type, const char *container_name);
char *cli_template_containerfile(const char *type);
char *cli_template_gitignore(void);
char *cli_template_dockerignore(void);
char *cli_template_secrets(void);

#endif
