# Extracts the programs of README.md, compiles and runs each.
#   cmake -D EXTRACT=<program> -D SOURCE_DIR=<this repository> -D BINARY_DIR=... -D PREFIX=<installed here>
#         -D CXX=... -D GENERATOR=... [-D SUPPORT_LIBRARY=... -D TESTS_DIR=... -D FLAGS=...]
#         -P run.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "this failed: ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE ${BINARY_DIR})
run(${EXTRACT} ${SOURCE_DIR} ${BINARY_DIR}/programs)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${BINARY_DIR}/build -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${CXX}
  -D CMAKE_PREFIX_PATH=${PREFIX} -D PROGRAMS_DIR=${BINARY_DIR}/programs
  -D "SUPPORT_LIBRARY=${SUPPORT_LIBRARY}" -D "TESTS_DIR=${TESTS_DIR}" -D "CMAKE_CXX_FLAGS=${FLAGS}")
run(${CMAKE_COMMAND} --build ${BINARY_DIR}/build)
run(${CMAKE_CTEST_COMMAND} --test-dir ${BINARY_DIR}/build --output-on-failure --timeout 120)
