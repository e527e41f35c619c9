#include "tidemark/plans/toml.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <talloc.h>
#include <toml++/toml.h>

#include "place.h"
#include "toml_guard.h"

namespace
{

/** A failure that is already in the caller's tide_err. */
struct refused {
};

struct entry {
	const toml::key *key;
	const toml::node *node;
};

class builder
{
      public:
	builder(const char *path_of_plan, tide_err *error) : path(path_of_plan), err(error)
	{
	}

	void table(tide_toml *out, const toml::table &from, int depth) const;

      private:
	void node(tide_toml *out, const toml::node &from, int depth) const;
	void array(tide_toml *out, const toml::array &from, int depth) const;
	char *text(tide_toml *owner, std::string_view from) const;
	tide_toml *
	child(tide_toml *parent, std::size_t index, const toml::node &from, const toml::key *key) const;

	const char *path;
	tide_err *err;
};

char *
builder::text(tide_toml *owner, std::string_view from) const
{
	if (from.find('\0') != std::string_view::npos) {
		tide_place_fail(err, path, owner->line, owner->column, "text contains the character U+0000");
		tide_hint(err, "PostgreSQL cannot hold it; take the \\u0000 out");
		throw refused{};
	}
	return talloc_strndup(owner, from.data(), from.size());
}

tide_toml *
builder::child(tide_toml *parent, std::size_t index, const toml::node &from, const toml::key *key) const
{
	tide_toml *out = talloc_zero(parent, struct tide_toml);
	toml::source_position at = from.source().begin;

	parent->child[index] = out;
	out->line = at ? static_cast<int>(at.line) : parent->line;
	out->column = at ? static_cast<int>(at.column) : parent->column;
	out->key_line = out->line;
	out->key_column = out->column;
	if (key != nullptr) {
		at = key->source().begin;
		if (at) {
			out->key_line = static_cast<int>(at.line);
			out->key_column = static_cast<int>(at.column);
		}
		out->key = text(out, key->str());
	}
	return out;
}

/** toml++ sorts a table by key; people read it in the order of the file. */
void
builder::table(tide_toml *out, const toml::table &from, int depth) const
{
	std::vector<entry> entries;

	for (auto &&[key, value] : from)
		entries.push_back({ &key, &value });
	std::stable_sort(entries.begin(), entries.end(),
	    [](const entry &a, const entry &b) { return a.key->source().begin < b.key->source().begin; });
	out->type = TIDE_TOML_TABLE;
	out->child = talloc_zero_array(out, struct tide_toml *, static_cast<unsigned>(entries.size()));
	out->count = entries.size();
	for (std::size_t i = 0; i < entries.size(); i++)
		node(child(out, i, *entries[i].node, entries[i].key), *entries[i].node, depth + 1);
}

void
builder::array(tide_toml *out, const toml::array &from, int depth) const
{
	std::size_t i = 0;

	out->type = TIDE_TOML_ARRAY;
	out->child = talloc_zero_array(out, struct tide_toml *, static_cast<unsigned>(from.size()));
	out->count = from.size();
	for (auto &&element : from) {
		node(child(out, i, element, nullptr), element, depth + 1);
		i++;
	}
}

std::string
date_text(const toml::node &from)
{
	std::ostringstream out;

	if (const auto *day = from.as_date())
		out << day->get();
	else if (const auto *hour = from.as_time())
		out << hour->get();
	else if (const auto *both = from.as_date_time())
		out << both->get();
	return out.str();
}

void
builder::node(tide_toml *out, const toml::node &from, int depth) const
{
	if (depth > TIDE_TOML_DEPTH_MAX && (from.is_table() || from.is_array())) {
		tide_toml_too_deep(path, out->line, out->column, err);
		throw refused{};
	}
	if (const auto *inner = from.as_table()) {
		table(out, *inner, depth);
	} else if (const auto *list = from.as_array()) {
		array(out, *list, depth);
	} else if (const auto *string = from.as_string()) {
		out->type = TIDE_TOML_STRING;
		out->text = text(out, string->get());
	} else if (const auto *integer = from.as_integer()) {
		out->type = TIDE_TOML_INTEGER;
		out->integer = integer->get();
	} else if (const auto *real = from.as_floating_point()) {
		out->type = TIDE_TOML_FLOAT;
		out->real = real->get();
	} else if (const auto *boolean = from.as_boolean()) {
		out->type = TIDE_TOML_BOOLEAN;
		out->boolean = boolean->get();
	} else {
		out->type = TIDE_TOML_DATE;
		out->text = text(out, date_text(from));
	}
}

/** What to do about an error of the parser, by a piece of its text. The last row fits everything. */
const struct {
	const char *piece, *hint;
} advice[] = {
	{ "redefine", "a key may be set once in its table; remove one of the two" },
	{ "cannot insert", "a key may be set once in its table; remove one of the two" },
	{ "end-of-file", "a string, an array or a table is not closed" },
	{ "not representable", "whole numbers have 64 bits" },
	{ "control character", "write it as an escape such as \\t or \\u0007 in a double-quoted text" },
	{ "escape", "in double quotes a backslash is written \\\\; single quotes take text as it is" },
	{ "line", "text over several lines stands between three quotes" },
	{ "", "a plan is TOML: key = value on a line, text in quotes, [[phase]] before each phase" },
};

/** toml++ says "Error while parsing key: expected …". */
void
parser_failed(const char *path, const toml::parse_error &error, tide_err *err)
{
	static const std::string_view prefix = "Error while parsing ";
	std::string_view what = error.description();
	toml::source_position at = error.source().begin;
	std::size_t i = 0;

	if (what.substr(0, prefix.size()) == prefix)
		what.remove_prefix(prefix.size());
	tide_place_fail(err, path, at ? static_cast<int>(at.line) : 1, at ? static_cast<int>(at.column) : 1,
	    "cannot read %.*s", static_cast<int>(what.size()), what.data());
	while (what.find(advice[i].piece) == std::string_view::npos)
		i++;
	tide_hint(err, "%s", advice[i].hint);
}

} // namespace

extern "C" bool
tide_toml_parse(void *ctx, const char *path, const char *text, size_t length, struct tide_toml **out,
    struct tide_err *err)
{
	struct tide_toml *root = talloc_zero(ctx, struct tide_toml);
	char *clean = tide_toml_guard(root, path, text, length, err);

	if (clean == nullptr) {
		talloc_free(root);
		return false;
	}
	root->line = root->column = root->key_line = root->key_column = 1;
	try {
		toml::table parsed = toml::parse(std::string_view(clean), std::string_view());

		builder(path, err).table(root, parsed, 0);
		talloc_free(clean);
		*out = root;
		return true;
	} catch (const refused &) {
	} catch (const toml::parse_error &error) {
		parser_failed(path, error, err);
	} catch (const std::exception &error) {
		tide_place_fail(err, path, 1, 1, "cannot read the plan: %s", error.what());
	} catch (...) {
		tide_place_fail(err, path, 1, 1, "cannot read the plan");
	}
	talloc_free(root);
	return false;
}

extern "C" const struct tide_toml *
tide_toml_get(const struct tide_toml *table, const char *key)
{
	if (table->type != TIDE_TOML_TABLE)
		return nullptr;
	for (size_t i = 0; i < table->count; i++)
		if (std::strcmp(table->child[i]->key, key) == 0)
			return table->child[i];
	return nullptr;
}
