#ifndef TIDE_SHELL_H
#define TIDE_SHELL_H

/** A word quoted for the shell where it must be. Belongs to ctx. */
char *tide_shell_word(void *ctx, const char *word);

#endif
