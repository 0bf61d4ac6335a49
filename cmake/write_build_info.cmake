# Script: TEMPLATE -> OUTPUT with the commit of the checkout at SOURCE. A tree without its own .git (a tarball, even one
# unpacked inside another checkout) or a machine without git gives "unknown".
set(commit "unknown")
find_program(git NAMES git)
if(git AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${git} -C ${SOURCE} rev-parse --short=12 HEAD
                  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(commit ${found})
    execute_process(COMMAND ${git} -C ${SOURCE} diff --quiet HEAD -- ERROR_QUIET RESULT_VARIABLE changed)
    if(changed)
      string(APPEND commit "+")
    endif()
  endif()
endif()
set(PHALANX_COMMIT ${commit})
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
