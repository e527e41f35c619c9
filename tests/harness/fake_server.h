#ifndef FAKE_SERVER_H
#define FAKE_SERVER_H

/*
 * A server that answers from a script, in a child process on a Unix socket. It speaks just enough of the protocol to drive the
 * state machine into every corner: wrong process numbers, sudden ends, answers in pieces.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tidemark/postgres/conn.h"

#define FAKE_PID 4711

/** Bytes of messages, one after another. */
struct bytes {
	char data[8192];
	size_t used;
};

static inline void
put_bytes(struct bytes *out, const void *data, size_t length)
{
	if (out->used + length > sizeof(out->data))
		abort();
	memcpy(out->data + out->used, data, length);
	out->used += length;
}

static inline void
put_int(struct bytes *out, int32_t value)
{
	uint32_t wire = htonl((uint32_t)value);

	put_bytes(out, &wire, sizeof(wire));
}

static inline void
put_short(struct bytes *out, int value)
{
	uint16_t wire = htons((uint16_t)value);

	put_bytes(out, &wire, sizeof(wire));
}

static inline void
put_text(struct bytes *out, const char *text)
{
	put_bytes(out, text, strlen(text) + 1);
}

static inline void
put_message(struct bytes *out, char type, const struct bytes *body)
{
	put_bytes(out, &type, 1);
	put_int(out, (int32_t)body->used + 4);
	put_bytes(out, body->data, body->used);
}

static inline void
put_ready(struct bytes *out)
{
	struct bytes body = { .used = 0 };

	put_bytes(&body, "I", 1);
	put_message(out, 'Z', &body);
}

/* type 'E' for an error, 'N' for a notice. */
static inline void
put_report(struct bytes *out, char type, const char *severity, const char *sqlstate, const char *message)
{
	const struct {
		char field;
		const char *text;
	} fields[] = { { 'S', severity }, { 'V', severity }, { 'C', sqlstate }, { 'M', message } };
	struct bytes body = { .used = 0 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		put_bytes(&body, &fields[i].field, 1);
		put_text(&body, fields[i].text);
	}
	put_bytes(&body, "", 1);
	put_message(out, type, &body);
}

static inline void
put_notify(struct bytes *out, const char *channel, const char *payload)
{
	struct bytes body = { .used = 0 };

	put_int(&body, 1);
	put_text(&body, channel);
	put_text(&body, payload);
	put_message(out, 'A', &body);
}

/* One row with one column of text. */
static inline void
put_row(struct bytes *out, const char *value)
{
	struct bytes body = { .used = 0 };

	put_short(&body, 1);
	put_text(&body, "value");
	put_int(&body, 0);
	put_short(&body, 0);
	put_int(&body, 25);
	put_short(&body, -1);
	put_int(&body, -1);
	put_short(&body, 0);
	put_message(out, 'T', &body);
	body.used = 0;
	put_short(&body, 1);
	put_int(&body, (int32_t)strlen(value));
	put_bytes(&body, value, strlen(value));
	put_message(out, 'D', &body);
	body.used = 0;
	put_text(&body, "SELECT 1");
	put_message(out, 'C', &body);
}

/* What a server says first: admitted, its version, its process. */
static inline void
put_welcome(struct bytes *out, const char *version)
{
	struct bytes body = { .used = 0 };

	put_int(&body, 0);
	put_message(out, 'R', &body);
	body.used = 0;
	put_text(&body, "server_version");
	put_text(&body, version);
	put_message(out, 'S', &body);
	body.used = 0;
	put_int(&body, FAKE_PID);
	put_int(&body, 1);
	put_message(out, 'K', &body);
	put_ready(out);
}

/** Answer 0 is to the startup packet, the next ones to one query each; after the last the connection is closed, or kept. */
struct script {
	struct bytes answer[8];
	size_t count;
	bool keep;  /* after the last answer: read on, say nothing */
	bool drips; /* one byte a write */
};

struct fake_server {
	char folder[64], path[96];
	pid_t child;
};

static inline bool
read_all(int fd, char *to, size_t length)
{
	for (size_t have = 0; have < length;) {
		ssize_t got = read(fd, to + have, length - have);

		if (got <= 0)
			return false;
		have += (size_t)got;
	}
	return true;
}

/* Reads up to the end of one request: a simple query, or a Sync. */
static inline bool
read_request(int fd)
{
	char head[5], rest[65536];
	uint32_t length;

	do {
		if (!read_all(fd, head, sizeof(head)))
			return false;
		memcpy(&length, head + 1, sizeof(length));
		length = ntohl(length) - 4;
		if (length > sizeof(rest) || !read_all(fd, rest, length))
			return false;
	} while (head[0] != 'Q' && head[0] != 'S');
	return true;
}

static inline bool
say(int fd, const struct bytes *answer, bool drips)
{
	for (size_t said = 0; said < answer->used;) {
		ssize_t went = write(fd, answer->data + said, drips ? 1 : answer->used - said);

		if (went <= 0)
			return false;
		said += (size_t)went;
		if (drips)
			(void)poll(NULL, 0, 1);
	}
	return true;
}

static inline void
serve(int fd, const struct script *script)
{
	char startup[4096];
	uint32_t length;

	if (!read_all(fd, (char *)&length, sizeof(length)))
		return;
	length = ntohl(length) - 4;
	if (length > sizeof(startup) || !read_all(fd, startup, length))
		return;
	for (size_t i = 0; i < script->count; i++)
		if ((i > 0 && !read_request(fd)) || !say(fd, &script->answer[i], script->drips))
			return;
	while (script->keep && read(fd, startup, sizeof(startup)) > 0)
		continue;
}

/* A Unix socket in a folder of its own, where libpq looks for one. */
static inline int
fake_listen(struct fake_server *server)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(server->folder, sizeof(server->folder), "/tmp/tide-fake-XXXXXX");
	if (mkdtemp(server->folder) == NULL)
		abort();
	snprintf(server->path, sizeof(server->path), "%s/.s.PGSQL.5432", server->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, 8) != 0)
		abort();
	return listener;
}

static inline void
fake_start(struct fake_server *server, const struct script *script)
{
	int listener = fake_listen(server);

	server->child = fork();
	if (server->child == 0) {
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				_exit(0);
			serve(fd, script);
			close(fd);
		}
	}
	close(listener);
}

static inline void
fake_stop(struct fake_server *server)
{
	kill(server->child, SIGKILL);
	waitpid(server->child, NULL, 0);
	unlink(server->path);
	rmdir(server->folder);
}

#endif
