#ifndef TIDE_CRASH_POINTS_H
#define TIDE_CRASH_POINTS_H

/**
 * Named points at which the crash tests stop the program. Compiled to nothing unless the build says
 * TIDEMARK_CRASH_POINTS; then TIDEMARK_CRASH_AT="name", "name#3" or "*#7" says where, TIDEMARK_CRASH_ACTION=kill|stop
 * how, and TIDEMARK_CRASH_LOG=path collects the names of the points passed.
 */
#ifdef TIDEMARK_CRASH_POINTS
void tide_crash_point(const char *name);
#else
#define tide_crash_point(name) ((void)(name))
#endif

#endif
