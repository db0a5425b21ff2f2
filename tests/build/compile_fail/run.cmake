# Compiles one file that must not compile, and looks for the message that the user must see.
#   cmake -D FILE=... -D CXX=... -D "ARGUMENTS=-std=...;-I...;-isystem..." -P run.cmake
# The file's first line says what is expected: "// expect: <regular expression>", or "// compiles".
file(READ ${FILE} first_line LIMIT 500)
string(REGEX REPLACE "\n.*" "" first_line "${first_line}")
set(ENV{LC_ALL} C)
execute_process(
  COMMAND ${CXX} -fsyntax-only ${ARGUMENTS} ${FILE}
  RESULT_VARIABLE result
  OUTPUT_VARIABLE output
  ERROR_VARIABLE output
)

if("${first_line}" STREQUAL "// compiles")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "this must compile, but:\n${output}")
  endif()
elseif("${first_line}" MATCHES "^// expect: (.+)$")
  set(expected "${CMAKE_MATCH_1}")
  if(result EQUAL 0)
    message(FATAL_ERROR "this compiled, but must fail with: ${expected}")
  endif()
  # In the message proper, not in the lines of code quoted below it.
  if(NOT output MATCHES "(error|note): [^\n]*${expected}")
    message(FATAL_ERROR "this failed, but no error says: ${expected}\n${output}")
  endif()
else()
  message(FATAL_ERROR "no expectation in ${FILE}: begin it with '// expect: <regular expression>' or '// compiles'")
endif()
