# tide_embed_sql(target folder): every folder/*.sql becomes a C string `tide_sql_<folder>_<stem>` declared in
# the generated header "<folder>_sql.h".
function(tide_embed_sql target folder)
	file(GLOB files CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.sql")
	set(out "${CMAKE_CURRENT_BINARY_DIR}/generated")
	add_custom_command(
		OUTPUT "${out}/${folder}_sql.h" "${out}/${folder}_sql.c"
		COMMAND "${CMAKE_COMMAND}" -DFOLDER=${folder} -DOUT=${out} "-DFILES=${files}"
			-P "${PROJECT_SOURCE_DIR}/cmake/embed_sql_script.cmake"
		DEPENDS ${files} "${PROJECT_SOURCE_DIR}/cmake/embed_sql_script.cmake"
		VERBATIM)
	target_sources(${target} PRIVATE "${out}/${folder}_sql.c" "${out}/${folder}_sql.h")
	target_include_directories(${target} PRIVATE "${out}")
endfunction()
