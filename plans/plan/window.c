#include "tidemark/plans/plan.h"

#include <string.h>
#include <strings.h>

#define MINUTES_OF_DAY (24 * 60)
#define ALL_DAYS 0x7fu

static int
find_day(const char *text)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

	for (int i = 0; i < 7; i++)
		if (strncasecmp(text, days[i], 3) == 0)
			return i;
	return -1;
}

/** "Mon-Fri", "Sat,Sun", "Fri-Mon": returns what follows, or NULL. */
static const char *
parse_days(const char *text, unsigned *out)
{
	*out = 0;
	for (;;) {
		int first = find_day(text), last = first;

		if (first < 0)
			return NULL;
		text += 3;
		if (*text == '-') {
			last = find_day(text + 1);
			if (last < 0)
				return NULL;
			text += 4;
		}
		for (int day = first;; day = (day + 1) % 7) {
			*out |= 1u << day;
			if (day == last)
				break;
		}
		if (*text != ',')
			return text;
		text++;
	}
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** "22:00": minutes since midnight, up to 24:00; returns what follows, or NULL. */
static const char *
parse_time(const char *text, int *out)
{
	if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' || !is_digit(text[3]) ||
	    !is_digit(text[4]))
		return NULL;
	*out = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
	return text[3] < '6' && *out <= MINUTES_OF_DAY ? text + 5 : NULL;
}

/** A name as in the server's time zone files. Only the server knows which there are. */
static bool
parse_zone(const char *text, char *out, size_t size)
{
	static const char accepted[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
	size_t length = strspn(text, accepted);

	if (length == 0 || length >= size || text[length] != '\0' || text[0] == '/')
		return false;
	memcpy(out, text, length + 1);
	return true;
}

bool
tide_window_parse(const char *text, struct tide_window *out)
{
	struct tide_window window = { .days = ALL_DAYS };

	if (!is_digit(*text)) {
		text = parse_days(text, &window.days);
		if (text == NULL || *text++ != ' ')
			return false;
	}
	text += strspn(text, " ");
	text = parse_time(text, &window.begin);
	if (text == NULL || *text++ != '-')
		return false;
	text = parse_time(text, &window.end);
	if (text == NULL || *text++ != ' ')
		return false;
	text += strspn(text, " ");
	if (window.begin == window.end || window.begin == MINUTES_OF_DAY ||
	    !parse_zone(text, window.zone, sizeof(window.zone)))
		return false;
	*out = window;
	return true;
}

bool
tide_window_open(const struct tide_window *window, int weekday, int minute)
{
	bool today = (window->days >> weekday & 1) != 0;
	bool yesterday = (window->days >> (weekday + 6) % 7 & 1) != 0;

	if (window->begin < window->end)
		return today && minute >= window->begin && minute < window->end;
	return (today && minute >= window->begin) || (yesterday && minute < window->end);
}
