/* Several who have the store open at a time. */
#include "private_ns.h"
#include "store_vault.h"

/* A child that has the store open until it is told to go on, and then commits where it writes. */
struct holder {
	pid_t pid;
	int go;
};

static void hold_in_child(bool writing, int ready, int go)
{
	struct tz_store *store = NULL;
	struct tz_error err = { 0 };
	char byte;

	CHECK_CODE(tz_store_open(unit_dir, SETS_SHOWN, writing, SETS_WAIT, &store, &err), 0, &err);
	if (writing)
		CHECK_CODE(sets_put_all(store, sets_new, &err), 0, &err);
	CHECK(write(ready, "x", 1) == 1 && read(go, &byte, 1) == 1);
	if (writing)
		CHECK_CODE(tz_store_commit(store, &err), 0, &err);
	tz_store_close(store);
	_exit(0);
}

static struct holder hold(bool writing)
{
	struct holder holder;
	int ready[2], go[2];
	char byte;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	holder.pid = fork();
	assert_true(holder.pid >= 0);
	if (holder.pid == 0) {
		(void)close(go[1]);
		hold_in_child(writing, ready[1], go[0]);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	(void)close(go[0]);
	holder.go = go[1];
	return holder;
}

static void let_go(struct holder *holder)
{
	int status;

	assert_int_equal(write(holder->go, "x", 1), 1);
	assert_int_equal(waitpid(holder->pid, &status, 0), holder->pid);
	assert_int_equal(status, 0);
	(void)close(holder->go);
}

static void test_two_writers(void **state)
{
	struct holder first;
	int status;
	pid_t second;

	(void)state;
	begin();
	first = hold(true);
	refuse_open(true, -EBUSY, "another process reads or changes the secrets in " SETS_SHOWN
		    ", and did not finish in 1 seconds; try again");
	refuse_open(false, -EBUSY, "another process changes the secrets in " SETS_SHOWN);
	/* what the first has staged is not touched by those who were refused */
	assert_true(is_there(".tazpod/stage.new/tree/new/folder/a"));
	second = fork();
	if (second == 0)
		_exit(sets_pull(unit_dir, sets_new, NULL) == 0 ? 0 : 1);
	let_go(&first);
	assert_int_equal(waitpid(second, &status, 0), second);
	assert_int_equal(status, 0);
	assert_true(sets_is_seen(unit_dir, sets_new));
}

static void test_reader_during_a_writer(void **state)
{
	struct holder writer;
	int status;
	pid_t reader;

	(void)state;
	begin();
	writer = hold(true);
	reader = fork();
	/* it waits, and then sees what was committed meanwhile */
	if (reader == 0)
		_exit(sets_is_seen(unit_dir, sets_new) ? 0 : 1);
	let_go(&writer);
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_int_equal(status, 0);
}

static void test_readers(void **state)
{
	struct holder reader;

	(void)state;
	begin();
	reader = hold(false);
	assert_true(sets_is_seen(unit_dir, sets_old));
	refuse_open(true, -EBUSY, "another process reads or changes");
	/* to finish what was interrupted, nobody else may read */
	make_stage("tazpod-pulled 1 0\n");
	refuse_open(false, -EBUSY, "another process reads or changes");
	let_go(&reader);
	tz_store_close(open_store(false));
	assert_false(is_there(".tazpod/stage") || is_there("same"));
}

static const struct sets_secret turns[2][4] = {
	{ { "A", "a", "0" }, { "B", "folder/b", "0" }, { "C", "c/c", "0" }, { .name = NULL } },
	{ { "A", "a", "1" }, { "B", "folder/x", "1" }, { "C", "folder/c", "1" }, { .name = NULL } },
};

/* While the set changes from one to the other and back. */
static void read_in_turns(void)
{
	/* the lock is not fair: without a pause between them, readers can keep a writer out */
	for (int turn = 0; turn < 30 && usleep(100000) == 0; turn++) {
		_cleanup_store_ struct tz_store *store = NULL;
		const struct tz_manifest_entry *entry = NULL;
		const struct sets_secret *set;
		struct tz_error err = { 0 };

		CHECK_CODE(tz_store_open(unit_dir, SETS_SHOWN, false, SETS_WAIT, &store, &err), 0, &err);
		set = turns[tz_store_find(store, "folder/x") != NULL];
		for (int i = 0; i < 3; i++) {
			entry = tz_store_next(store, entry);
			CHECK(entry && sets_find(set, entry->path));
			CHECK(sets_is_in_place(store, unit_dir, sets_find(set, entry->path)));
		}
		CHECK(!tz_store_next(store, entry));
		CHECK(sets_none_is_left(unit_dir, set, turns[set == turns[0]]));
	}
}

static void test_readers_while_it_changes(void **state)
{
	pid_t readers[3];
	int status;

	(void)state;
	memset(sets_large, 'x', sizeof(sets_large) - 1);
	pull(turns[0]);
	for (int i = 0; i < 3; i++) {
		readers[i] = fork();
		if (readers[i] == 0) {
			read_in_turns();
			_exit(0);
		}
	}
	for (int turn = 1; turn <= 30; turn++)
		pull(turns[turn % 2]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(waitpid(readers[i], &status, 0), readers[i]);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, unit_teardown_dir)
	const struct CMUnitTest tests[] = {
		TEST(test_two_writers),
		TEST(test_reader_during_a_writer),
		TEST(test_readers),
		TEST(test_readers_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
