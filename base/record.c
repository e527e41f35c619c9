#include "tidemark/base/record.h"

#include <string.h>
#include <talloc.h>

#define SECOND 1e6

static const void *
member_of(const struct tide_record_field *field, const void *item)
{
	return (const char *)item + field->offset;
}

static json_t *
flags_json(const struct tide_record_field *field, unsigned flags)
{
	json_t *list = json_array();

	for (size_t bit = 0; bit < field->word_count; bit++)
		if ((flags & 1u << bit) != 0 && field->words[bit] != NULL)
			json_array_append_new(list, json_string(field->words[bit]));
	return list;
}

/* NULL where the member is null. */
static json_t *
value_json(const struct tide_record_field *field, const void *member)
{
	const char *text;
	int64_t whole;
	double real;
	bool truth;
	unsigned word;
	int narrow;
	char letter[2] = { 0 };

	switch (field->type) {
	case TIDE_RECORD_TEXT:
		memcpy(&text, member, sizeof(text));
		return text != NULL ? json_string(text) : NULL;
	case TIDE_RECORD_INT:
		memcpy(&whole, member, sizeof(whole));
		return json_integer(whole);
	case TIDE_RECORD_COUNT:
		memcpy(&whole, member, sizeof(whole));
		return whole >= 0 ? json_integer(whole) : NULL;
	case TIDE_RECORD_REAL:
		memcpy(&real, member, sizeof(real));
		return real >= 0 ? json_real(real) : NULL;
	case TIDE_RECORD_TIME:
		memcpy(&whole, member, sizeof(whole));
		return whole >= 0 ? json_real((double)whole / SECOND) : NULL;
	case TIDE_RECORD_BOOL:
		memcpy(&truth, member, sizeof(truth));
		return json_boolean(truth);
	case TIDE_RECORD_INT32:
		memcpy(&narrow, member, sizeof(narrow));
		return json_integer(narrow);
	case TIDE_RECORD_CHAR:
		memcpy(letter, member, 1);
		return letter[0] != '\0' ? json_string(letter) : NULL;
	case TIDE_RECORD_WORD:
		memcpy(&word, member, sizeof(word));
		return word < field->word_count ? json_string(field->words[word]) : NULL;
	case TIDE_RECORD_FLAGS:
		memcpy(&word, member, sizeof(word));
		return flags_json(field, word);
	}
	return NULL;
}

void
tide_record_write(
    json_t *object, const struct tide_record *record, const void *item, enum tide_record_nulls nulls)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct tide_record_field *field = &record->field[i];
		json_t *value = value_json(field, member_of(field, item));

		if (value != NULL)
			json_object_set_new(object, field->name, value);
		else if (nulls == TIDE_NULLS_WRITTEN)
			json_object_set_new(object, field->name, json_null());
	}
}

static bool
find_word(const struct tide_record_field *field, const json_t *value, unsigned *out)
{
	const char *text = json_string_value(value);

	for (*out = 0; text != NULL && *out < field->word_count; (*out)++)
		if (field->words[*out] != NULL && strcmp(field->words[*out], text) == 0)
			return true;
	return false;
}

static bool
read_flags(const struct tide_record_field *field, const json_t *list, unsigned *out)
{
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		unsigned bit;

		if (!find_word(field, json_array_get(list, i), &bit))
			return false;
		*out |= 1u << bit;
	}
	return json_is_array(list);
}

static bool
read_text(void *ctx, const json_t *value, char **out)
{
	*out = NULL;
	if (value == NULL || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return false;
	*out = talloc_strndup(ctx, json_string_value(value), json_string_length(value));
	return true;
}

/* -1 for null. */
static bool
read_number(const json_t *value, double *out)
{
	*out = -1;
	if (value == NULL || json_is_null(value))
		return true;
	*out = json_number_value(value);
	return json_is_number(value);
}

static bool
read_value(void *ctx, const struct tide_record_field *field, const json_t *value, void *member)
{
	char *text;
	double real;
	int64_t whole;
	unsigned word;
	int narrow;
	bool null = value == NULL || json_is_null(value), truth, ok;

	switch (field->type) {
	case TIDE_RECORD_TEXT:
		ok = read_text(ctx, value, &text);
		memcpy(member, &text, sizeof(text));
		return ok;
	case TIDE_RECORD_INT:
	case TIDE_RECORD_COUNT:
		whole = null ? -1 : json_integer_value(value);
		memcpy(member, &whole, sizeof(whole));
		return json_is_integer(value) || (null && field->type == TIDE_RECORD_COUNT);
	case TIDE_RECORD_REAL:
		ok = read_number(value, &real);
		memcpy(member, &real, sizeof(real));
		return ok;
	case TIDE_RECORD_TIME:
		ok = read_number(value, &real);
		whole = real < 0 ? -1 : (int64_t)(real * SECOND + 0.5);
		memcpy(member, &whole, sizeof(whole));
		return ok;
	case TIDE_RECORD_INT32:
		narrow = (int)json_integer_value(value);
		memcpy(member, &narrow, sizeof(narrow));
		return json_is_integer(value) && narrow == json_integer_value(value);
	case TIDE_RECORD_CHAR:
		ok = read_text(ctx, value, &text);
		*(char *)member = text != NULL ? text[0] : '\0';
		talloc_free(text);
		return ok;
	case TIDE_RECORD_BOOL:
		truth = json_is_true(value);
		memcpy(member, &truth, sizeof(truth));
		return json_is_boolean(value);
	case TIDE_RECORD_WORD:
		ok = find_word(field, value, &word);
		memcpy(member, &word, sizeof(word));
		return ok;
	case TIDE_RECORD_FLAGS:
		ok = read_flags(field, value, &word);
		memcpy(member, &word, sizeof(word));
		return ok;
	}
	return false;
}

bool
tide_record_read(
    void *ctx, const json_t *object, const struct tide_record *record, void *item, struct tide_err *err)
{
	for (size_t i = 0; i < record->count; i++) {
		const struct tide_record_field *field = &record->field[i];
		const json_t *value = json_object_get(object, field->name);

		if (!read_value(ctx, field, value, (char *)item + field->offset))
			return tide_fail(
			    err, TIDE_UNEXPECTED, "'%s' is missing or of the wrong type", field->name);
	}
	return true;
}
