/* The module with tazpod-worker itself: what can be said about a vault where no device is mapped. */
#include "tests/pam/pam_test.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>

#define VAULTS WORLD "/vaults"
#define VAULT VAULTS "/vault.img"
#define BETTER "a better ship and a brighter star, in 1917"

static void prepare(void)
{
	world_use_worker(WORKER_REAL);
	assert_true(mkdir(VAULTS, 0700) == 0 || (errno == EEXIST && chmod(VAULTS, 0700) == 0));
	assert_true(unlink(VAULT) == 0 || errno == ENOENT || errno == EISDIR);
	world_write(SETTINGS, "vault: " VAULT "\n");
}

static bool machine_has_device_mapper(void)
{
	char line[64];
	bool found = false;
	FILE *misc = fopen("/proc/misc", "re");

	assert_non_null(misc);
	while (!found && fgets(line, sizeof(line), misc))
		found = strstr(line, "device-mapper") != NULL;
	(void)fclose(misc);
	return found;
}

static int authenticate_without_a_right_to_devices(void *data)
{
	struct app *app = data;

	if (prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0) < 0 || prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0) < 0)
		return 2;
	if (pam_authenticate(app->pamh, 0) != PAM_AUTHINFO_UNAVAIL || app->asked > 0)
		return 3;
	return strstr(app->shown, "error: tazpod: device-mapper may not be used here: the container needs CAP_SYS_ADMIN")
	       ? 0 : 4;
}

/* Asked for by name, since the other driver would serve. Where the machine has it, the worker is denied the right to it. */
static void no_device_mapper(void)
{
	struct app *app = app_start("su-l", GHOST, "");

	prepare();
	world_write(SETTINGS, "vault: " VAULT "\ndriver: dm-crypt\n");
	app_will_answer(app, RIGHT);
	if (machine_has_device_mapper()) {
		assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
		assert_int_equal(unit_in_child(authenticate_without_a_right_to_devices, app), 0);
		return;
	}
	assert_code(pam_authenticate(app->pamh, 0), PAM_AUTHINFO_UNAVAIL);
	assert_string_equal(app->shown, "error: tazpod: this kernel has no device-mapper, which the driver 'dm-crypt' needs; "
			    "load it on the host with 'modprobe dm-crypt'\n");
	assert_int_equal(app->asked, 0);
	assert_code(pam_open_session(app->pamh, 0), PAM_PERM_DENIED);
}

/* passwd needs no device, so a vault is judged without one. */
static void assert_refused(const char *sentence)
{
	struct app *app = app_start("passwd", GHOST, "");

	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_TRY_AGAIN);
	assert_shown(app, sentence);
	assert_int_equal(app->asked, 0);
	app_end(app);
}

static void no_vault(void)
{
	prepare();
	assert_refused("error: tazpod: there is no vault yet, so there is no passphrase to change; log in to create one\n");
}

static void no_directory(void)
{
	prepare();
	world_write(SETTINGS, "vault: " WORLD "/nowhere/vault.img\n");
	assert_refused("error: tazpod: the directory " WORLD "/nowhere, in which the vault is kept, does not exist");
}

static void a_directory_that_others_may_write(void)
{
	prepare();
	assert_int_equal(chmod(VAULTS, 0770), 0);
	assert_refused("error: tazpod: " VAULTS " may be written by others");
}

static void an_image_that_others_may_reach(void)
{
	prepare();
	world_write(VAULT, "anything");
	assert_int_equal(chmod(VAULTS, 0755), 0);
	assert_refused("error: tazpod: " VAULT " can be reached by others");
}

static void an_empty_image(void)
{
	prepare();
	world_write(VAULT, "");
	assert_refused("error: tazpod: " VAULT " is there but empty");
}

static void garbage(void)
{
	struct stat st;

	prepare();
	world_write(VAULT, "this was never a vault");
	assert_refused("error: tazpod: " VAULT " is not a LUKS2 image");
	assert_int_equal(stat(VAULT, &st), 0);
	assert_int_equal(st.st_size, strlen("this was never a vault"));
}

static void a_truncated_image(void)
{
	prepare();
	unit_write(VAULT, "LUKS\xba\xbe\0\2\0\0\0\0\0\0\x40\0 and then nothing", 32, 0600);
	assert_refused("error: tazpod: " VAULT " is truncated");
}

static void the_old_format(void)
{
	prepare();
	unit_write(VAULT, "LUKS\xba\xbe\0\1 and so on, and so on", 32, 0600);
	assert_refused("error: tazpod: " VAULT " is in the old LUKS1 format");
}

static void a_symlink(void)
{
	prepare();
	assert_int_equal(symlink("/etc/passwd", VAULT), 0);
	assert_refused("error: tazpod: " VAULT " is a symbolic link");
}

static void a_fifo(void)
{
	prepare();
	assert_int_equal(mkfifo(VAULT, 0600), 0);
	assert_refused("error: tazpod: " VAULT " is not a regular file; nothing was changed\n");
}

static void a_directory(void)
{
	prepare();
	assert_int_equal(mkdir(VAULT, 0700), 0);
	assert_refused("error: tazpod: " VAULT " is not a regular file; nothing was changed\n");
	assert_int_equal(rmdir(VAULT), 0);
}

static void no_ghost_user(void)
{
	prepare();
	assert_int_equal(rename("/etc/passwd", "/etc/passwd.away"), 0);
	world_write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
	assert_refused("error: tazpod: there is no user " GHOST);
	assert_int_equal(rename("/etc/passwd.away", "/etc/passwd"), 0);
}

/* A key derivation that is quick; the real one is tried elsewhere. */
static bool cryptsetup(const char *action, const char *passphrase)
{
	char command[512];

	(void)snprintf(command, sizeof(command), "printf %%s '%s' | cryptsetup %s --batch-mode --key-file=- " VAULT
		       " >/dev/null 2>&1", passphrase, action);
	return system(command) == 0;
}

static void make_vault(void)
{
	prepare();
	world_write(VAULT, "");
	assert_int_equal(truncate(VAULT, 32 << 20), 0);
	assert_true(cryptsetup("luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000", RIGHT));
	world_write(SETTINGS, "vault: " VAULT "\nkdf_memory: 32M\n");
}

static void the_passphrase_of_a_vault(void)
{
	struct app *app = app_start("passwd", GHOST, "");

	assert_int_equal(signal(SIGCHLD, SIG_DFL) == SIG_ERR, 0);
	make_vault();
	app_will_answer(app, WRONG);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTH_ERR);
	assert_shown(app, "error: tazpod: wrong passphrase\n");
	app_will_answer(app, RIGHT, RIGHT, RIGHT);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_AUTHTOK_ERR);
	assert_shown(app, "the new passphrase is the same as the old one");
	app_will_answer(app, RIGHT, BETTER, BETTER);
	assert_code(pam_chauthtok(app->pamh, 0), PAM_SUCCESS);
	assert_shown(app, "info: tazpod: the vault's passphrase was changed\n");
	assert_false(cryptsetup("open --test-passphrase", RIGHT));
	assert_true(cryptsetup("open --test-passphrase", BETTER));
}

const struct CMUnitTest real_tests[] = {
	watched(no_device_mapper),
	watched(no_vault),
	watched(no_directory),
	watched(a_directory_that_others_may_write),
	watched(an_image_that_others_may_reach),
	watched(an_empty_image),
	watched(garbage),
	watched(a_truncated_image),
	watched(the_old_format),
	watched(a_symlink),
	watched(a_fifo),
	watched(a_directory),
	watched(no_ghost_user),
	watched(the_passphrase_of_a_vault),
};
const size_t real_test_count = COUNT_OF(real_tests);
