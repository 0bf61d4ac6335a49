# One way to declare a library, so that every folder is built with the same warnings and the same rules.

add_library(phalanx_options INTERFACE)
target_include_directories(phalanx_options INTERFACE ${PROJECT_SOURCE_DIR})
# __FILE__ in messages is relative to the source tree.
target_compile_options(phalanx_options INTERFACE
  -Wall -Wextra -Werror -fno-math-errno -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=)
if(PHALANX_SANITIZE)
  target_compile_options(phalanx_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(phalanx_options INTERFACE -fsanitize=address,undefined)
endif()

# phalanx_library(<folder> [DEPENDS lib...]): library `phalanx_<folder>` from the folder's sources.
# A folder can include and link only what it names here: a wrong include does not link.
function(phalanx_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  if(NOT sources)
    add_library(phalanx_${name} INTERFACE)
    return()
  endif()
  add_library(phalanx_${name} STATIC ${sources})
  target_link_libraries(phalanx_${name} PUBLIC phalanx_options ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()
