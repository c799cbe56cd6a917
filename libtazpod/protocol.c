#include "protocol.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "readable.h"

union control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(int) * TZ_SESSION_FDS)];
};

static int send_message(int fd, struct msghdr *message)
{
	ssize_t n;

	/* A worker or application that is gone must be an error here, never a SIGPIPE in somebody's process. */
	do
		n = sendmsg(fd, message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int tz_protocol_send_request(int fd, const struct tz_request *request, const struct tz_secret *secret)
{
	struct tz_request sent = *request;
	struct iovec parts[2] = {
		{ .iov_base = &sent, .iov_len = sizeof(sent) },
		{ .iov_base = secret ? secret->data : NULL, .iov_len = secret ? secret->size : 0 },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	sent.secret_size = (uint32_t)parts[1].iov_len;
	return send_message(fd, &message);
}

int tz_protocol_receive_request(int fd, struct tz_request *ret, struct tz_secret *ret_secret)
{
	_cleanup_secret_ struct tz_secret buffer = TZ_SECRET_INIT;
	struct tz_request request;
	struct iovec parts[2];
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t n;
	int r = tz_secret_alloc(&buffer, TZ_PASSPHRASE_MAX);

	if (r < 0)
		return r;
	parts[0] = (struct iovec){ .iov_base = &request, .iov_len = sizeof(request) };
	parts[1] = (struct iovec){ .iov_base = buffer.data, .iov_len = buffer.size };
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < sizeof(request) || (message.msg_flags & MSG_TRUNC) ||
	    request.secret_size != (size_t)n - sizeof(request))
		return -EBADMSG;
	request.tty[sizeof(request.tty) - 1] = '\0';
	request.service[sizeof(request.service) - 1] = '\0';
	if (request.secret_size > 0) {
		r = tz_secret_copy(ret_secret, buffer.data, request.secret_size);
		if (r < 0)
			return r;
	}
	*ret = request;
	return 0;
}

int tz_protocol_send_reply(int fd, const struct tz_reply *reply, const int *fds, unsigned int count)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)reply, .iov_len = sizeof(*reply) };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (count > TZ_SESSION_FDS)
		return -EINVAL;
	if (count > 0) {
		struct cmsghdr *header;

		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
	}
	return send_message(fd, &message);
}

static void take_descriptors(struct msghdr *message, int fds[static TZ_SESSION_FDS])
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	size_t size;

	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return;
	size = header->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(header), size < sizeof(int) * TZ_SESSION_FDS ? size : sizeof(int) * TZ_SESSION_FDS);
}

int tz_protocol_receive_reply(int fd, struct tz_reply *ret, int fds[static TZ_SESSION_FDS], int timeout_ms)
{
	struct tz_reply reply;
	struct iovec part = { .iov_base = &reply, .iov_len = sizeof(reply) };
	union control control;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n;
	int r;

	for (unsigned int i = 0; i < TZ_SESSION_FDS; i++)
		fds[i] = -1;
	r = tz_wait_readable(fd, timeout_ms);
	if (r < 0)
		return r;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	take_descriptors(&message, fds);
	if ((size_t)n != sizeof(reply) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (unsigned int i = 0; i < TZ_SESSION_FDS; i++)
			tz_closep(&fds[i]);
		return n == 0 ? -EPIPE : -EBADMSG;
	}
	reply.message[sizeof(reply.message) - 1] = '\0';
	reply.detail[sizeof(reply.detail) - 1] = '\0';
	*ret = reply;
	return 0;
}
