#include "tests/pam/pam_test.h"

#include <sys/mman.h>

#define APPS 2
#define ROOM 4096
#define ANSWERS 64

static struct app apps[APPS];
static const char *given[ANSWERS];
static unsigned int given_count, unwiped;

/* Hidden answers lie in pages of their own, so that what is in them can be looked at when they are freed. */
static char *room;
static unsigned int room_used;

/* valgrind has a free() of its own. */
static bool plain_memory(void)
{
	return getenv("TAZPOD_TEST_VALGRIND") != NULL;
}

static void answer_freed(void *pointer)
{
	for (const char *byte = pointer; byte < room + (size_t)ROOM * ANSWERS && byte < (char *)pointer + ROOM; byte++)
		if (*byte) {
			unwiped++;
			return;
		}
}

static char *answer_memory(size_t size)
{
	if (!room) {
		room = mmap(NULL, (size_t)ROOM * ANSWERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (room == MAP_FAILED)
			abort();
		watch_free(room, (size_t)ROOM * ANSWERS, answer_freed);
	}
	if (room_used == ANSWERS || size > ROOM)
		abort();
	return room + (size_t)ROOM * room_used++;
}

static char *answer(struct app *app, bool hidden)
{
	const char *text = app->answers ? app->answers[app->asked] : NULL;
	char *memory;

	if (!text)
		return NULL;
	app->asked++;
	if (hidden && given_count < ANSWERS)
		given[given_count++] = text;
	memory = hidden && !plain_memory() ? answer_memory(strlen(text) + 1) : malloc(strlen(text) + 1);
	if (memory)
		memcpy(memory, text, strlen(text) + 1);
	return memory;
}

static void show(struct app *app, const struct pam_message *message)
{
	static const char *const names[] = {
		[PAM_PROMPT_ECHO_OFF] = "hidden", [PAM_PROMPT_ECHO_ON] = "asked",
		[PAM_ERROR_MSG] = "error", [PAM_TEXT_INFO] = "info",
	};
	size_t used = strlen(app->shown);

	/* What pam_debug says when it is reached. */
	if (strstr(message->msg, "=cred_expired"))
		return;
	(void)snprintf(app->shown + used, sizeof(app->shown) - used, "%s: %s\n", names[message->msg_style], message->msg);
}

static int converse(int count, const struct pam_message **messages, struct pam_response **ret, void *data)
{
	struct app *app = data;
	struct pam_response *responses = calloc((size_t)count, sizeof(*responses));

	/* Linux-PAM itself asks one thing at a time. */
	if (!responses || count != 1)
		abort();
	show(app, messages[0]);
	if (messages[0]->msg_style == PAM_PROMPT_ECHO_OFF || messages[0]->msg_style == PAM_PROMPT_ECHO_ON) {
		responses->resp = answer(app, messages[0]->msg_style == PAM_PROMPT_ECHO_OFF);
		if (!responses->resp) {
			free(responses);
			return app->hang_up;
		}
	}
	*ret = responses;
	return PAM_SUCCESS;
}

static void write_service(const char *service, const char *arguments, bool items)
{
	static const char *const kinds[] = { "auth", "account", "session", "password" };
	char path[256];
	FILE *file;

	(void)snprintf(path, sizeof(path), WORLD "/services/%s", service);
	file = fopen(path, "we");
	assert_non_null(file);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (items)
			(void)fprintf(file, "%s required " TEST_WRAPPER_MODULES "/pam_set_items.so\n", kinds[i]);
		(void)fprintf(file, "%s [success=done ignore=ignore default=die] " TEST_MODULE " %s\n", kinds[i], arguments);
		(void)fprintf(file, "%s requisite pam_debug.so auth=cred_expired cred=cred_expired acct=cred_expired "
			      "open_session=cred_expired close_session=cred_expired prechauthtok=cred_expired\n", kinds[i]);
	}
	assert_int_equal(fclose(file), 0);
}

static struct app *start(const char *service, const char *user, const char *arguments, bool items)
{
	struct app *app = apps[0].pamh ? &apps[1] : &apps[0];
	struct pam_conv conversation = { converse, app };

	assert_null(app->pamh);
	memset(app, 0, sizeof(*app));
	app->hang_up = PAM_CONV_ERR;
	write_service(service, arguments, items);
	assert_code(pam_start_confdir(service, user, &conversation, WORLD "/services", &app->pamh), PAM_SUCCESS);
	assert_code(pam_set_item(app->pamh, PAM_TTY, TTY), PAM_SUCCESS);
	return app;
}

struct app *app_start(const char *service, const char *user, const char *arguments)
{
	return start(service, user, arguments, false);
}

struct app *app_start_after_items(const char *service, const char *user, const char *arguments)
{
	return start(service, user, arguments, true);
}

void app_end(struct app *app)
{
	assert_code(pam_end(app->pamh, PAM_SUCCESS), PAM_SUCCESS);
	app->pamh = NULL;
}

void app_end_all(void)
{
	for (unsigned int i = 0; i < APPS; i++)
		if (apps[i].pamh)
			app_end(&apps[i]);
	given_count = unwiped = room_used = 0;
	if (room)
		memset(room, 0, (size_t)ROOM * ANSWERS);
}

bool app_secret_in(const char *text)
{
	for (unsigned int i = 0; i < given_count; i++)
		if (*given[i] && strstr(text, given[i]))
			return true;
	return false;
}

unsigned int app_unwiped(void)
{
	return unwiped;
}

bool app_holds(const char *text)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], mode[8];
	uintptr_t from, to;
	bool found = false;

	assert_non_null(maps);
	/* The text itself is a literal, in memory that cannot be written. */
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) == 3 && mode[0] == 'r' && mode[1] == 'w')
			found = memmem((void *)from, to - from, text, strlen(text)) != NULL;
	(void)fclose(maps);
	return found;
}
