#include "unit.h"

#include <dirent.h>
#include <sys/socket.h>

#include "libtazpod/protocol.h"

/* The two ends; anew for each test. */
static int ours, theirs;

static int with_sockets(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	ours = pair[0];
	theirs = pair[1];
	return 0;
}

static int without_sockets(void **state)
{
	(void)state;
	tz_closep(&ours);
	tz_closep(&theirs);
	return 0;
}

static int count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	assert_int_equal(closedir(directory), 0);
	return count;
}

static void send_raw(int fd, const void *data, size_t size, const int *fds, unsigned int count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int) * 16)];
	} control = { .room = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		*CMSG_FIRSTHDR(&message) = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
							     .cmsg_len = CMSG_LEN(sizeof(int) * count) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), fds, sizeof(int) * count);
	}
	assert_int_equal(sendmsg(fd, &message, MSG_NOSIGNAL), size);
}

/* ---- requests ---- */

static void a_request_comes_as_it_was_sent(void **state)
{
	const struct tz_request sent = { .op = TZ_OP_OPEN, .caller = 1000, .entering = 1, .secret_size = 77,
					 .tty = "pts/3", .service = "su-l" };
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	struct tz_request got = { 0 };

	(void)state;
	assert_int_equal(tz_protocol_send_request(ours, &sent, NULL), 0);
	assert_int_equal(tz_protocol_receive_request(theirs, &got, &secret), 0);
	assert_int_equal(got.op, TZ_OP_OPEN);
	assert_int_equal(got.caller, 1000);
	assert_int_equal(got.entering, 1);
	assert_int_equal(got.secret_size, 0);
	assert_string_equal(got.tty, "pts/3");
	assert_string_equal(got.service, "su-l");
	assert_null(secret.data);
}

static void send_secret(size_t size)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	const struct tz_request request = { .op = TZ_OP_UNLOCK };

	assert_int_equal(tz_secret_alloc(&secret, size), 0);
	for (size_t i = 0; i < size; i++)
		secret.data[i] = (uint8_t)(i * 7);
	assert_int_equal(tz_protocol_send_request(ours, &request, &secret), 0);
}

static void a_passphrase_of_any_size_comes_with_it(void **state)
{
	static const size_t sizes[] = { 1, 10, TZ_PASSPHRASE_MAX };

	(void)state;
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
		struct tz_request got = { 0 };

		send_secret(sizes[n]);
		assert_int_equal(tz_protocol_receive_request(theirs, &got, &secret), 0);
		assert_int_equal(got.op, TZ_OP_UNLOCK);
		assert_int_equal(got.secret_size, sizes[n]);
		assert_int_equal(secret.size, sizes[n]);
		for (size_t i = 0; i < secret.size; i++)
			assert_int_equal(secret.data[i], (uint8_t)(i * 7));
	}
}

static void refuses_request(const void *data, size_t size)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	struct tz_request got = { .op = 99 };

	send_raw(ours, data, size, NULL, 0);
	assert_int_equal(tz_protocol_receive_request(theirs, &got, &secret), -EBADMSG);
	assert_int_equal(got.op, 99);
	assert_null(secret.data);
}

static void a_request_of_a_wrong_size_is_refused(void **state)
{
	struct {
		struct tz_request request;
		char more[TZ_PASSPHRASE_MAX + 1];
	} message = { .request.op = TZ_OP_UNLOCK };
	size_t whole = sizeof(message.request);

	(void)state;
	refuses_request(&message, 1);
	refuses_request(&message, whole - 1);
	/* more, or less, than it says */
	refuses_request(&message, whole + 1);
	message.request.secret_size = 4;
	refuses_request(&message, whole);
	refuses_request(&message, whole + 3);
	message.request.secret_size = UINT32_MAX;
	refuses_request(&message, whole + 4);
	/* more than fits: what fits, and what was sent */
	message.request.secret_size = TZ_PASSPHRASE_MAX;
	refuses_request(&message, whole + TZ_PASSPHRASE_MAX + 1);
	message.request.secret_size = TZ_PASSPHRASE_MAX + 1;
	refuses_request(&message, whole + TZ_PASSPHRASE_MAX + 1);
}

static void texts_without_an_end_are_ended(void **state)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	struct tz_request sent = { .op = TZ_OP_OPEN }, got = { 0 };

	(void)state;
	memset(sent.tty, 'x', sizeof(sent.tty));
	memset(sent.service, 'y', sizeof(sent.service));
	send_raw(ours, &sent, sizeof(sent), NULL, 0);
	assert_int_equal(tz_protocol_receive_request(theirs, &got, &secret), 0);
	assert_int_equal(strlen(got.tty), sizeof(got.tty) - 1);
	assert_int_equal(strlen(got.service), sizeof(got.service) - 1);
}

static void descriptors_with_a_request_are_dropped(void **state)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	const struct tz_request sent = { .op = TZ_OP_HELLO };
	struct tz_request got = { 0 };
	const int fds[] = { 0, 1 };
	int before = count_descriptors();

	(void)state;
	send_raw(ours, &sent, sizeof(sent), fds, 2);
	assert_int_equal(tz_protocol_receive_request(theirs, &got, &secret), 0);
	assert_int_equal(count_descriptors(), before);
}

/* ---- replies ---- */

static void check_same_file(int fd, int expected)
{
	struct stat one, other;

	assert_int_equal(fstat(fd, &one), 0);
	assert_int_equal(fstat(expected, &other), 0);
	assert_true(one.st_dev == other.st_dev && one.st_ino == other.st_ino);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void a_reply_brings_its_descriptors_in_order(void **state)
{
	const struct tz_reply sent = { .kind = TZ_REPLY_DONE, .value = 7, .message = "m", .detail = "d" };
	int files[TZ_SESSION_FDS], got[TZ_SESSION_FDS];
	struct tz_reply reply = { 0 };

	(void)state;
	for (int i = 0; i < TZ_SESSION_FDS; i++) {
		char name[8] = { (char)('a' + i) };

		files[i] = open(unit_path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_true(files[i] >= 0);
	}
	assert_int_equal(tz_protocol_send_reply(theirs, &sent, files, TZ_SESSION_FDS), 0);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 1000), 0);
	assert_int_equal(reply.kind, TZ_REPLY_DONE);
	assert_int_equal(reply.value, 7);
	assert_string_equal(reply.message, "m");
	assert_string_equal(reply.detail, "d");
	for (int i = 0; i < TZ_SESSION_FDS; i++) {
		assert_int_not_equal(got[i], files[i]);
		check_same_file(got[i], files[i]);
		assert_int_equal(close(got[i]), 0);
		assert_int_equal(close(files[i]), 0);
	}
}

static void a_reply_without_descriptors_says_so(void **state)
{
	const struct tz_reply sent = { .kind = TZ_REPLY_FAILED, .code = -EKEYREJECTED };
	int got[TZ_SESSION_FDS] = { 0 };
	struct tz_reply reply = { 0 };

	(void)state;
	assert_int_equal(tz_protocol_send_reply(theirs, &sent, NULL, 0), 0);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, -1), 0);
	assert_int_equal(reply.code, -EKEYREJECTED);
	for (int i = 0; i < TZ_SESSION_FDS; i++)
		assert_int_equal(got[i], -1);
}

static void replies_come_one_by_one(void **state)
{
	struct tz_reply sent = { .kind = TZ_REPLY_PROGRESS }, reply;
	int got[TZ_SESSION_FDS];

	(void)state;
	for (sent.value = 0; sent.value < 50; sent.value += 10)
		assert_int_equal(tz_protocol_send_reply(theirs, &sent, NULL, 0), 0);
	for (unsigned int value = 0; value < 50; value += 10) {
		assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 0), 0);
		assert_int_equal(reply.value, value);
	}
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 0), -ETIMEDOUT);
}

static void more_descriptors_than_a_session_has_are_not_sent(void **state)
{
	const struct tz_reply sent = { .kind = TZ_REPLY_DONE };
	int fds[TZ_SESSION_FDS + 1] = { 0 }, got[TZ_SESSION_FDS];
	struct tz_reply reply;

	(void)state;
	assert_int_equal(tz_protocol_send_reply(theirs, &sent, fds, TZ_SESSION_FDS + 1), -EINVAL);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 0), -ETIMEDOUT);
}

/* Nothing of it may stay open, and nothing of it may be looked at. */
static void refuses_reply(const void *data, size_t size, unsigned int count)
{
	const int fds[16] = { 0 };
	int got[TZ_SESSION_FDS], before = count_descriptors();
	struct tz_reply reply = { .kind = 99 };

	send_raw(theirs, data, size, fds, count);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 1000), size ? -EBADMSG : -EPIPE);
	assert_int_equal(reply.kind, 99);
	assert_int_equal(count_descriptors(), before);
	for (int i = 0; i < TZ_SESSION_FDS; i++)
		assert_int_equal(got[i], -1);
}

static void a_reply_of_a_wrong_size_is_refused(void **state)
{
	struct {
		struct tz_reply reply;
		char more[8];
	} message = { .reply.kind = TZ_REPLY_DONE };

	(void)state;
	refuses_reply(&message, 1, 0);
	refuses_reply(&message, sizeof(message.reply) - 1, 2);
	refuses_reply(&message, sizeof(message.reply) + 1, 0);
	refuses_reply(&message, sizeof(message), TZ_SESSION_FDS);
	refuses_reply(&message, 0, 2);
}

static void too_many_descriptors_are_refused(void **state)
{
	const struct tz_reply reply = { .kind = TZ_REPLY_DONE };

	(void)state;
	refuses_reply(&reply, sizeof(reply), TZ_SESSION_FDS + 1);
	refuses_reply(&reply, sizeof(reply), 16);
}

static void messages_without_an_end_are_ended(void **state)
{
	int got[TZ_SESSION_FDS];
	struct tz_reply sent = { .kind = TZ_REPLY_NOTICE }, reply;

	(void)state;
	memset(sent.message, 'x', sizeof(sent.message));
	memset(sent.detail, 'y', sizeof(sent.detail));
	send_raw(theirs, &sent, sizeof(sent), NULL, 0);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, got, 1000), 0);
	assert_int_equal(strlen(reply.message), sizeof(reply.message) - 1);
	assert_int_equal(strlen(reply.detail), sizeof(reply.detail) - 1);
}

/* ---- the other end ---- */

static void a_dead_peer_is_an_error_and_no_signal(void **state)
{
	_cleanup_secret_ struct tz_secret secret = TZ_SECRET_INIT;
	const struct tz_request request = { .op = TZ_OP_HELLO };
	const struct tz_reply sent = { .kind = TZ_REPLY_DONE };
	struct tz_request got;
	struct tz_reply reply;
	int fds[TZ_SESSION_FDS];

	(void)state;
	tz_closep(&theirs);
	assert_int_equal(tz_protocol_send_request(ours, &request, NULL), -EPIPE);
	assert_int_equal(tz_protocol_send_reply(ours, &sent, NULL, 0), -EPIPE);
	assert_int_equal(tz_protocol_receive_request(ours, &got, &secret), -EPIPE);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, fds, -1), -EPIPE);
}

static void what_it_said_before_it_died_still_counts(void **state)
{
	const struct tz_reply sent = { .kind = TZ_REPLY_FAILED, .code = -ENOSPC };
	int fds[TZ_SESSION_FDS];
	struct tz_reply reply;

	(void)state;
	assert_int_equal(tz_protocol_send_reply(theirs, &sent, NULL, 0), 0);
	tz_closep(&theirs);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, fds, 1000), 0);
	assert_int_equal(reply.code, -ENOSPC);
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, fds, 1000), -EPIPE);
}

static void a_silent_peer_is_waited_for_no_longer_than_asked(void **state)
{
	int fds[TZ_SESSION_FDS] = { 5, 5, 5, 5, 5, 5 };
	struct tz_reply reply;

	(void)state;
	assert_int_equal(tz_protocol_receive_reply(ours, &reply, fds, 50), -ETIMEDOUT);
	/* who closes what it was given must not close a stranger */
	for (int i = 0; i < TZ_SESSION_FDS; i++)
		assert_int_equal(fds[i], -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, with_sockets, without_sockets)
	const struct CMUnitTest tests[] = {
		TEST(a_request_comes_as_it_was_sent),
		TEST(a_passphrase_of_any_size_comes_with_it),
		TEST(a_request_of_a_wrong_size_is_refused),
		TEST(texts_without_an_end_are_ended),
		TEST(descriptors_with_a_request_are_dropped),
		TEST(a_reply_brings_its_descriptors_in_order),
		TEST(a_reply_without_descriptors_says_so),
		TEST(replies_come_one_by_one),
		TEST(more_descriptors_than_a_session_has_are_not_sent),
		TEST(a_reply_of_a_wrong_size_is_refused),
		TEST(too_many_descriptors_are_refused),
		TEST(messages_without_an_end_are_ended),
		TEST(a_dead_peer_is_an_error_and_no_signal),
		TEST(what_it_said_before_it_died_still_counts),
		TEST(a_silent_peer_is_waited_for_no_longer_than_asked),
	};

	return cmocka_run_group_tests(tests, unit_setup_dir, unit_teardown_dir);
}
