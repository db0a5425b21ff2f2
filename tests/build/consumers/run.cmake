# Configures, builds and runs one consumer, as a stranger would, and checks that nothing was forced on it.
#   cmake -D CONSUMER=<folder> -D BINARY_DIR=... -D SOURCE_DIR=<this repository> -D PREFIX=<installed here>
#         -D CXX=... -D GENERATOR=... -P run.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${CONSUMER}: this failed: ${command}")
  endif()
endfunction()

# A stranger's environment has no flags of ours.
foreach(variable CXXFLAGS LDFLAGS CMAKE_BUILD_TYPE)
  unset(ENV{${variable}})
endforeach()
file(REMOVE_RECURSE ${BINARY_DIR})
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${CONSUMER} -B ${BINARY_DIR} -G ${GENERATOR}
  -D CMAKE_CXX_COMPILER=${CXX} -D CMAKE_PREFIX_PATH=${PREFIX} -D EIGENGRU_SOURCE_DIR=${SOURCE_DIR}
  -D CMAKE_EXPORT_COMPILE_COMMANDS=ON --no-warn-unused-cli)

file(STRINGS ${BINARY_DIR}/compile_commands.json forced REGEX " -(march|mtune|W|O|f)[^ ]*")
if(forced)
  message(FATAL_ERROR "${CONSUMER}: a flag was forced on the consumer: ${forced}")
endif()
file(STRINGS ${BINARY_DIR}/CMakeCache.txt switched_on REGEX "^EIGENGRU_[A-Z_]+:[A-Z]+=(ON|AUTO)$")
if(switched_on)
  message(FATAL_ERROR "${CONSUMER}: an option is on in a consumer's build: ${switched_on}")
endif()

run(${CMAKE_COMMAND} --build ${BINARY_DIR})
run(${BINARY_DIR}/consumer)
