#ifndef TIDEMARK_POSTGRES_PARAM_H
#define TIDEMARK_POSTGRES_PARAM_H

#include <stdint.h>

/** Values of $n parameters as text. The results belong to ctx. */
const char *tide_param_int(void *ctx, int64_t value);
/** us: microseconds. */
const char *tide_param_interval(void *ctx, int64_t us);

#endif
