#include "tidemark/base/shell.h"

#include <string.h>
#include <talloc.h>

char *
tide_shell_word(void *ctx, const char *word)
{
	char *quoted;

	if (word[0] != '\0' &&
	    strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:@%,=") ==
		strlen(word))
		return talloc_strdup(ctx, word);
	quoted = talloc_strdup(ctx, "'");
	for (; *word != '\0'; word++)
		quoted = *word == '\'' ? talloc_strdup_append(quoted, "'\\''")
				       : talloc_strndup_append(quoted, word, 1);
	return talloc_strdup_append(quoted, "'");
}
