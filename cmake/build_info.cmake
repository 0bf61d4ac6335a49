# phalanx_build_info(<target>): generates phalanx_build.h (version, commit, compiler, libraries) for a target. The commit
# is looked up at every build, and the header touched only when it changed.
function(phalanx_build_info target)
  pkg_check_modules(prometheus QUIET prometheus-cpp-core)  # its CMake package has no version
  set(directory ${PROJECT_BINARY_DIR}/generated)
  set(PHALANX_LIBRARIES "yaml-cpp ${yaml-cpp_VERSION}, prometheus-cpp ${prometheus_VERSION}, CLI11 ${CLI11_VERSION}")
  string(APPEND PHALANX_LIBRARIES ", spdlog ${spdlog_VERSION}, fmt ${fmt_VERSION}, nlohmann-json ${nlohmann_json_VERSION}")
  string(APPEND PHALANX_LIBRARIES ", ICU ${ICU_VERSION}, zlib ${ZLIB_VERSION_STRING}, zstd ${zstd_VERSION}")
  set(PHALANX_COMMIT "@PHALANX_COMMIT@")  # filled in at build time
  configure_file(${PROJECT_SOURCE_DIR}/cmake/phalanx_build.h.in ${directory}/phalanx_build.h.in @ONLY)
  add_custom_target(phalanx_build_info
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${PROJECT_SOURCE_DIR} -DTEMPLATE=${directory}/phalanx_build.h.in
            -DOUTPUT=${directory}/phalanx_build.h -P ${PROJECT_SOURCE_DIR}/cmake/write_build_info.cmake
    BYPRODUCTS ${directory}/phalanx_build.h
    COMMENT "Looking up the commit")
  add_dependencies(${target} phalanx_build_info)
  target_include_directories(${target} PRIVATE ${directory})
endfunction()
