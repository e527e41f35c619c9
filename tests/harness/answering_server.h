#ifndef ANSWERING_SERVER_H
#define ANSWERING_SERVER_H

/*
 * A server that answers each statement by what it contains, for as many connections as come, in a child process on a Unix socket. A
 * test hands it a table: a part of the statement, and the rows or the error that it gives. What has no answer is an error that names
 * the statement, so that nothing is answered by chance. Every statement is recorded with its parameters, for the test to read.
 */

#include <sys/mman.h>

#include "fake_server.h"

/** One row of the table. The first that fits and is not used up answers. */
struct answer {
	const char *sql; /* a part of the statement, or of "prepare NAME: statement", or of "execute NAME" */
	const char *columns; /* names with a blank between them; NULL: a statement without rows */
	const char *rows;    /* one a line, values with | between them, ~ for NULL; NULL none */
	const char *fails;   /* SQLSTATE; or ANSWER_HANGS, ANSWER_ENDS */
	int times;           /* answers so often, then the next row that fits does; 0 always */
};

/** No answer, until the statement is cancelled. */
#define ANSWER_HANGS "hangs"
/** The connection is closed. */
#define ANSWER_ENDS "ends"

#define ANSWERS_MOST 64
#define ANSWER_CONNECTIONS 16

/** What parent and child both see. */
struct answer_record {
	size_t used;
	char text[1 << 18]; /* a statement a line: "UPDATE … [1, 7, NULL]" */
};

struct answering_server {
	struct fake_server fake;
	struct answer_record *record;
};

struct answer_connection {
	int fd, pid;
	bool hangs;
};

struct answer_state {
	const struct answer *table;
	int left[ANSWERS_MOST];
	struct answer_record *record;
	struct answer_connection connection[ANSWER_CONNECTIONS];
	size_t count;
};

/* One request, up to the end of a simple query or to Sync. */
struct request {
	char text[(1 << 17) + 128]; /* the statement, "prepare NAME: …" or "execute NAME" */
	char values[4096];          /* "[1, NULL]" */
	bool extended, executed;
};

static inline const char *
take_text(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

static inline int
take_number(const char **at, size_t bytes)
{
	uint32_t number = 0;

	for (size_t i = 0; i < bytes; i++)
		number = number << 8 | (unsigned char)(*at)[i];
	*at += bytes;
	return (int)number;
}

static inline void
read_parse(struct request *request, const char *body)
{
	const char *at = body, *name = take_text(&at);

	if (name[0] != '\0')
		snprintf(request->text, sizeof(request->text), "prepare %s: %s", name, at);
	else
		snprintf(request->text, sizeof(request->text), "%s", at);
}

static inline void
read_bind(struct request *request, const char *body)
{
	const char *at = body;
	const char *name;
	size_t used = 0;
	int count;

	(void)take_text(&at);
	name = take_text(&at);
	if (name[0] != '\0')
		snprintf(request->text, sizeof(request->text), "execute %s", name);
	request->executed = true;
	for (int formats = take_number(&at, 2); formats > 0; formats--)
		(void)take_number(&at, 2);
	count = take_number(&at, 2);
	request->values[0] = '\0';
	for (int i = 0; i < count && used < sizeof(request->values); i++) {
		int length = take_number(&at, 4);

		used += (size_t)snprintf(request->values + used, sizeof(request->values) - used, "%s%.*s",
		    i > 0 ? ", " : "", length < 0 ? 4 : length, length < 0 ? "NULL" : at);
		at += length < 0 ? 0 : length;
	}
}

static inline bool
read_statement(int fd, struct request *request)
{
	static char body[1 << 17];
	char head[5];
	uint32_t length;

	memset(request, 0, sizeof(*request));
	do {
		if (!read_all(fd, head, sizeof(head)))
			return false;
		memcpy(&length, head + 1, sizeof(length));
		length = ntohl(length) - 4;
		if (length >= sizeof(body) || !read_all(fd, body, length))
			return false;
		body[length] = '\0';
		if (head[0] == 'Q')
			snprintf(request->text, sizeof(request->text), "%s", body);
		else if (head[0] == 'P')
			read_parse(request, body);
		else if (head[0] == 'B')
			read_bind(request, body);
		else if (head[0] == 'X')
			return false;
		request->extended = head[0] != 'Q';
	} while (head[0] != 'Q' && head[0] != 'S');
	return true;
}

static inline void
record_statement(struct answer_record *record, const struct request *request)
{
	size_t room = sizeof(record->text) - record->used;
	int went = snprintf(record->text + record->used, room, "%s [%s]\n", request->text, request->values);

	if (went < 0 || (size_t)went >= room)
		abort();
	record->used += (size_t)went;
}

/* The next part of `text` up to `end`; false after the last. */
static inline bool
next_part(const char **text, char end, const char **part, size_t *length)
{
	if (*text == NULL)
		return false;
	*part = *text;
	*length = strcspn(*text, (char[]){ end, '\0' });
	*text = (*text)[*length] == end ? *text + *length + 1 : NULL;
	return true;
}

static inline int
put_columns(struct bytes *out, const char *columns)
{
	struct bytes body = { .used = 0 };
	const char *part;
	size_t length;
	int count = 0;

	for (const char *text = columns; next_part(&text, ' ', &part, &length);)
		count++;
	put_short(&body, count);
	for (const char *text = columns; next_part(&text, ' ', &part, &length);) {
		put_bytes(&body, part, length);
		put_bytes(&body, "", 1);
		put_int(&body, 0);
		put_short(&body, 0);
		put_int(&body, 25);
		put_short(&body, -1);
		put_int(&body, -1);
		put_short(&body, 0);
	}
	put_message(out, 'T', &body);
	return count;
}

static inline void
put_values(struct bytes *out, const char *row, size_t row_length, int columns)
{
	struct bytes body = { .used = 0 };
	char line[4096];
	const char *text = line, *part;
	size_t length;
	int count = 0;

	snprintf(line, sizeof(line), "%.*s", (int)row_length, row);
	put_short(&body, columns);
	for (; next_part(&text, '|', &part, &length); count++) {
		bool null = length == 1 && part[0] == '~';

		put_int(&body, null ? -1 : (int32_t)length);
		put_bytes(&body, part, null ? 0 : length);
	}
	/* A row of another width than the columns is a mistake of the test. */
	if (count != columns)
		abort();
	put_message(out, 'D', &body);
}

static inline void
put_result(struct bytes *out, const struct answer *answer, bool extended)
{
	struct bytes body = { .used = 0 };
	const char *rows = answer->rows, *row;
	size_t length;
	int columns;

	if (answer->columns != NULL) {
		columns = put_columns(out, answer->columns);
		while (next_part(&rows, '\n', &row, &length))
			put_values(out, row, length, columns);
	} else if (extended) {
		put_message(out, 'n', &body);
	}
	put_text(&body, answer->columns != NULL ? "SELECT 1" : "SET");
	put_message(out, 'C', &body);
}

static inline void
put_failure(struct bytes *out, const char *sqlstate, const char *message)
{
	put_report(out, 'E', "ERROR", sqlstate, message);
	put_ready(out);
}

/* The question of every session that begins, and of one that is pinned anew. */
static inline bool
asks_for_process(const struct request *request)
{
	static const char end[] = "SELECT pg_catalog.pg_backend_pid()";
	size_t length = strlen(request->text);

	return length >= sizeof(end) - 1 && strcmp(request->text + length - sizeof(end) + 1, end) == 0;
}

static inline const struct answer *
find_answer(struct answer_state *state, const struct request *request)
{
	for (size_t i = 0; state->table[i].sql != NULL; i++) {
		if (state->left[i] == 0 || strstr(request->text, state->table[i].sql) == NULL)
			continue;
		if (state->left[i] > 0)
			state->left[i]--;
		return &state->table[i];
	}
	return NULL;
}

/* A statement that hangs ends when another connection cancels it. */
static inline void
cancel_statement(struct answer_state *state, int pid)
{
	struct bytes out = { .used = 0 };

	for (size_t i = 0; i < state->count; i++) {
		struct answer_connection *c = &state->connection[i];

		if (c->pid != pid || !c->hangs)
			continue;
		c->hangs = false;
		put_failure(&out, "57014", "canceling statement due to user request");
		(void)say(c->fd, &out, false);
	}
}

static inline bool
answer_request(struct answer_state *state, struct answer_connection *c, const struct request *request)
{
	static const struct answer done = { .columns = "done", .rows = "t" };
	char pid[16];
	struct answer process = { .columns = "pid", .rows = pid };
	struct bytes out = { .used = 0 };
	const struct answer *answer;

	snprintf(pid, sizeof(pid), "%d", c->pid);
	if (asks_for_process(request)) {
		answer = &process;
	} else {
		record_statement(state->record, request);
		answer = find_answer(state, request);
	}
	if (answer == NULL && strstr(request->text, "pg_cancel_backend") != NULL) {
		cancel_statement(state, (int)strtol(request->values, NULL, 10));
		answer = &done;
	}
	if (answer != NULL && answer->fails != NULL && strcmp(answer->fails, ANSWER_ENDS) == 0)
		return false;
	c->hangs = answer != NULL && answer->fails != NULL && strcmp(answer->fails, ANSWER_HANGS) == 0;
	if (c->hangs)
		return true;
	if (answer == NULL || answer->fails != NULL) {
		char message[512];

		snprintf(message, sizeof(message), "%s: %.300s",
		    answer == NULL ? "the test has no answer for" : "refused", request->text);
		put_failure(&out, answer == NULL ? "XX999" : answer->fails, message);
		return say(c->fd, &out, false);
	}
	if (!request->extended || request->executed)
		put_result(&out, answer, request->extended);
	else
		put_message(&out, '1', &(struct bytes){ .used = 0 });
	put_ready(&out);
	return say(c->fd, &out, false);
}

static inline void
welcome_connection(struct answer_state *state, int fd)
{
	struct answer_connection *c = &state->connection[state->count];
	struct bytes out = { .used = 0 }, key = { .used = 0 }, body = { .used = 0 };
	char startup[4096];
	uint32_t length;

	if (state->count == ANSWER_CONNECTIONS)
		abort();
	if (!read_all(fd, (char *)&length, sizeof(length)))
		return;
	length = ntohl(length) - 4;
	if (length > sizeof(startup) || !read_all(fd, startup, length))
		return;
	*c = (struct answer_connection){ .fd = fd, .pid = FAKE_PID + (int)state->count };
	state->count++;
	put_int(&body, 0);
	put_message(&out, 'R', &body);
	body.used = 0;
	put_text(&body, "server_version");
	put_text(&body, "15.20");
	put_message(&out, 'S', &body);
	put_int(&key, c->pid);
	put_int(&key, 1);
	put_message(&out, 'K', &key);
	put_ready(&out);
	(void)say(fd, &out, false);
}

static inline void
answer_loop(int listener, struct answer_state *state)
{
	static struct request request;

	for (;;) {
		struct pollfd ready[ANSWER_CONNECTIONS + 1] = { { .fd = listener, .events = POLLIN } };

		for (size_t i = 0; i < state->count; i++)
			ready[i + 1] = (struct pollfd){ .fd = state->connection[i].fd, .events = POLLIN };
		if (poll(ready, state->count + 1, -1) < 0)
			_exit(1);
		for (size_t i = 0; i < state->count; i++) {
			struct answer_connection *c = &state->connection[i];

			if (ready[i + 1].revents == 0)
				continue;
			if (!read_statement(c->fd, &request) || !answer_request(state, c, &request)) {
				close(c->fd);
				c->fd = -1;
			}
		}
		if (ready[0].revents != 0)
			welcome_connection(state, accept(listener, NULL, NULL));
	}
}

static inline void
answering_start(struct answering_server *server, const struct answer *table)
{
	struct fake_server *fake = &server->fake;
	int listener = fake_listen(fake);

	server->record =
	    mmap(NULL, sizeof(*server->record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server->record == MAP_FAILED)
		abort();
	fake->child = fork();
	if (fake->child == 0) {
		static struct answer_state state;

		signal(SIGPIPE, SIG_IGN);
		state.table = table;
		state.record = server->record;
		for (size_t i = 0; table[i].sql != NULL; i++) {
			if (i == ANSWERS_MOST)
				abort();
			state.left[i] = table[i].times > 0 ? table[i].times : -1;
		}
		answer_loop(listener, &state);
	}
	close(listener);
}

static inline void
answering_stop(struct answering_server *server)
{
	fake_stop(&server->fake);
	munmap(server->record, sizeof(*server->record));
}

/** How many statements with this part were sent, with values such as "[1, 7]" or a part of them (NULL: any). */
static inline size_t
answering_count(const struct answering_server *server, const char *sql, const char *values)
{
	size_t count = 0;

	/* A statement may be several lines; its record ends with "]\n". */
	for (const char *at = server->record->text; *at != '\0';) {
		const char *end = strstr(at, "]\n"), *found = strstr(at, sql), *listed;

		if (end == NULL)
			break;
		for (listed = end; listed > at && *listed != '[';)
			listed--;
		if (found != NULL && found < listed) {
			const char *said = values == NULL ? listed : strstr(listed, values);

			count += said != NULL && said < end + 1 ? 1 : 0;
		}
		at = end + 2;
	}
	return count;
}

#endif
