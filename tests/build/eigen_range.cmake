# Which versions of Eigen are accepted: 3.4 up to but not including 6. Tried with made-up package files.
#   cmake -D SOURCE_DIR=<this repository> -D BINARY_DIR=... -P eigen_range.cmake
include(${SOURCE_DIR}/cmake/eigengru-dependencies.cmake)

function(check version accepted)
  set(Eigen3_DIR ${BINARY_DIR}/${version})
  file(WRITE ${Eigen3_DIR}/Eigen3Config.cmake "")
  file(WRITE ${Eigen3_DIR}/Eigen3ConfigVersion.cmake "set(PACKAGE_VERSION ${version})\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n")
  eigengru_find_eigen()
  if(accepted AND eigengru_eigen_problem)
    message(SEND_ERROR "Eigen ${version} must be accepted, but: ${eigengru_eigen_problem}")
  elseif(NOT accepted AND NOT eigengru_eigen_problem MATCHES "needs Eigen 3.4 to 5.x and found ${version}")
    message(SEND_ERROR "Eigen ${version} must be refused with a message, not: '${eigengru_eigen_problem}'")
  endif()
endfunction()

check(3.3.9 FALSE)
check(3.4.0 TRUE)
check(3.4.90 TRUE)
check(5.0.0 TRUE)
check(5.1.2 TRUE)
check(6.0.0 FALSE)
