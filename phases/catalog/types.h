#ifndef TIDE_PHASES_TYPES_H
#define TIDE_PHASES_TYPES_H

#include <stdbool.h>

#include "tidemark/catalog/catalog.h"

/** What must be known of types by their names, where no server can be asked (yet). */

/** Same type, modifier and collation: a value goes over as it is. */
bool tide_same_type(const struct tide_column *a, const struct tide_column *b);
/** The cast looks at TimeZone, DateStyle and the like, so two sessions can get two values. */
bool tide_cast_follows_session(const char *from, const char *to);
/** A column of that type as the catalog would describe it; `like` columns of the same type are copied. */
void tide_type_describe(struct tide_catalog *cat, const char *type, struct tide_column *out);
/** text and its relatives, which take a collation. */
bool tide_is_text(const char *type);
/** serial and its relatives: not types but a sequence and a default. */
bool tide_type_is_serial(const char *type);
/** The type that a serial column has in the end: "bigint" for "bigserial"; any other type as it is. */
const char *tide_type_of_serial(const char *type);

/** What the catalog loader is asked about a type: it comes back as the server writes it. Belongs to ctx. */
char *tide_type_question(void *ctx, const char *type);
/** The answer, or NULL. */
const struct tide_fact *tide_type_fact(const struct tide_catalog *cat, const char *type);
/** The type with its schema and modifier, as the server writes it; as it is where nobody was asked. Belongs to ctx. */
char *tide_type_text(void *ctx, const struct tide_catalog *cat, const char *type);

#endif
