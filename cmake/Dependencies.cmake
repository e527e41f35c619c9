# Every library comes from a Debian 12 package; scripts/deps installs them.
find_package(PkgConfig REQUIRED)
pkg_check_modules(TALLOC REQUIRED IMPORTED_TARGET talloc)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(LIBMD REQUIRED IMPORTED_TARGET libmd)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
find_path(EV_INCLUDE_DIR ev.h REQUIRED)
find_library(EV_LIBRARY ev REQUIRED)
find_path(PG_QUERY_INCLUDE_DIR pg_query.h REQUIRED)
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)

# Third-party headers are SYSTEM: their warnings are not ours.
add_library(dependency_ev INTERFACE)
target_include_directories(dependency_ev SYSTEM INTERFACE "${EV_INCLUDE_DIR}")
target_link_libraries(dependency_ev INTERFACE "${EV_LIBRARY}")
add_library(dependency_pg_query INTERFACE)
target_include_directories(dependency_pg_query SYSTEM INTERFACE "${PG_QUERY_INCLUDE_DIR}")
target_link_libraries(dependency_pg_query INTERFACE "${PG_QUERY_LIBRARY}")
