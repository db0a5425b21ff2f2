# What Eigengru needs from elsewhere, and how it is found. The build includes this file, and it is installed beside the
# package file so that find_package(eigengru) asks for exactly the same.

# Finds Eigen, 3.4 up to but not including 6. Sets eigengru_eigen_problem: empty, or what is wrong in words.
# The range is checked here: Eigen 3.4's own version file refuses a range, and Eigen 5's refuses a plain 3.4.
macro(eigengru_find_eigen)
  set(eigengru_eigen_problem "")
  if(NOT TARGET Eigen3::Eigen)
    find_package(Eigen3 CONFIG QUIET)
    if(NOT Eigen3_FOUND)
      set(eigengru_eigen_problem
        "Eigengru needs Eigen 3.4 to 5.x and found none (Debian: libeigen3-dev; elsewhere set Eigen3_ROOT)")
    endif()
  endif()
  # A parent project may have brought the target without the package; then the headers check themselves.
  if(NOT eigengru_eigen_problem AND DEFINED Eigen3_VERSION)
    if(Eigen3_VERSION VERSION_LESS 3.4 OR Eigen3_VERSION VERSION_GREATER_EQUAL 6)
      set(eigengru_eigen_problem "Eigengru needs Eigen 3.4 to 5.x and found ${Eigen3_VERSION} in ${Eigen3_DIR}")
    endif()
  endif()
endmacro()

# Finds what eigengru::keras needs. Sets eigengru_keras_missing (a list, empty when all is there) and
# eigengru_keras_libraries. HDF5 and libzip come through pkg-config: the CMake module for HDF5 works in C projects only,
# and libzip's own package file asks for its command line tools.
macro(eigengru_find_keras)
  set(eigengru_keras_missing "")
  set(eigengru_keras_libraries PkgConfig::eigengru_hdf5 PkgConfig::eigengru_libzip nlohmann_json::nlohmann_json)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(eigengru_hdf5 QUIET IMPORTED_TARGET GLOBAL hdf5)
    pkg_check_modules(eigengru_libzip QUIET IMPORTED_TARGET GLOBAL libzip)
  else()
    list(APPEND eigengru_keras_missing pkg-config)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json CONFIG QUIET)
  endif()
  if(NOT TARGET PkgConfig::eigengru_hdf5)
    list(APPEND eigengru_keras_missing HDF5)
  endif()
  if(NOT TARGET PkgConfig::eigengru_libzip)
    list(APPEND eigengru_keras_missing libzip)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    list(APPEND eigengru_keras_missing nlohmann-json)
  endif()
endmacro()
