#ifndef TIDEMARK_BASE_ARRAY_H
#define TIDEMARK_BASE_ARRAY_H

/** How many elements an array has: of one that is declared as an array, not of a pointer. */
#define TIDE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
