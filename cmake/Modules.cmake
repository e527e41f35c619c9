# One static library for each folder. What a folder may use is what it links PRIVATE (or, for types in its
# headers, PUBLIC); tests/layers checks the includes as well.
set(TIDEMARK_C_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -Wformat=2)
set(TIDEMARK_CXX_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2)

function(tide_options target)
	target_compile_definitions(${target} PRIVATE _GNU_SOURCE TIDEMARK_VERSION="${PROJECT_VERSION}")
	target_compile_options(${target} PRIVATE
		"$<$<COMPILE_LANGUAGE:C>:${TIDEMARK_C_WARNINGS}>"
		"$<$<COMPILE_LANGUAGE:CXX>:${TIDEMARK_CXX_WARNINGS}>")
	target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/include")
	if(TIDEMARK_WERROR)
		target_compile_options(${target} PRIVATE -Werror)
	endif()
	if(TIDEMARK_SANITIZE)
		target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all
			-fno-omit-frame-pointer)
		target_link_options(${target} PRIVATE -fsanitize=address,undefined)
	endif()
	if(TIDEMARK_COVERAGE)
		target_compile_options(${target} PRIVATE --coverage -O0)
		target_link_options(${target} PRIVATE --coverage)
	endif()
	if(TIDEMARK_CRASH_POINTS)
		target_compile_definitions(${target} PRIVATE TIDEMARK_CRASH_POINTS)
	endif()
endfunction()

function(tide_module name)
	add_library(tide_${name} STATIC ${ARGN})
	tide_options(tide_${name})
	# Private headers are included by their path in the folder: "pair/mirror.h".
	target_include_directories(tide_${name} PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}")
endfunction()
