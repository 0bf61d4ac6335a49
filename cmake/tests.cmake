# phalanx_test(<name> LIBRARIES lib... [MPI n...]): every *_test.cpp of this folder in one program.
# Without MPI: label `unit`, one CTest test per GoogleTest case. With MPI: label `mpi`, one CTest test per number of ranks.
# Idle threads sleep (OMP_WAIT_POLICY): tests share the cores, and threads that spin there cost the others seconds.
include(GoogleTest)

set(PHALANX_MPIRUN ${MPIEXEC_EXECUTABLE} --oversubscribe --bind-to none --quiet)

function(phalanx_test name)
  cmake_parse_arguments(ARG "" "" "LIBRARIES;MPI;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    file(GLOB ARG_SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp)
  endif()
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock)
  target_compile_definitions(${name} PRIVATE PHALANX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE -Og)  # they compile a third faster; what they test keeps its own level
  if(ARG_MPI)
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support/mpi_main.cpp)
    target_link_libraries(${name} PRIVATE phalanx_parallel)
    foreach(ranks ${ARG_MPI})
      add_test(NAME ${name}.np${ranks} COMMAND ${PHALANX_MPIRUN} -np ${ranks} $<TARGET_FILE:${name}>)
      set_tests_properties(${name}.np${ranks} PROPERTIES LABELS mpi PROCESSORS 2 TIMEOUT 300
        ENVIRONMENT "OMPI_ALLOW_RUN_AS_ROOT=1;OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1;OMP_NUM_THREADS=1;OMP_WAIT_POLICY=passive")
    endforeach()
  else()
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    gtest_discover_tests(${name} TEST_PREFIX "${name}." PROPERTIES LABELS unit TIMEOUT 300
      ENVIRONMENT OMP_WAIT_POLICY=passive DISCOVERY_TIMEOUT 60)
  endif()
endfunction()
