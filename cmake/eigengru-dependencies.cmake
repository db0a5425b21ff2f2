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

# The others set eigengru_<part>_missing (a list, empty when all is there) and eigengru_<part>_libraries.

macro(eigengru_find_safetensors)
  set(eigengru_safetensors_missing "")
  set(eigengru_safetensors_libraries nlohmann_json::nlohmann_json)
  if(NOT TARGET nlohmann_json::nlohmann_json)
    find_package(nlohmann_json CONFIG QUIET)
  endif()
  if(NOT TARGET nlohmann_json::nlohmann_json)
    list(APPEND eigengru_safetensors_missing nlohmann-json)
  endif()
endmacro()

# eigengru::keras stands on eigengru::safetensors. HDF5 and libzip come through pkg-config: the CMake module for HDF5 works
# in C projects only, and libzip's own package file asks for its command line tools.
macro(eigengru_find_keras)
  eigengru_find_safetensors()
  set(eigengru_keras_missing ${eigengru_safetensors_missing})
  set(eigengru_keras_libraries PkgConfig::eigengru_hdf5 PkgConfig::eigengru_libzip)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(eigengru_hdf5 QUIET IMPORTED_TARGET GLOBAL hdf5)
    pkg_check_modules(eigengru_libzip QUIET IMPORTED_TARGET GLOBAL libzip)
  else()
    list(APPEND eigengru_keras_missing pkg-config)
  endif()
  if(NOT TARGET PkgConfig::eigengru_hdf5)
    list(APPEND eigengru_keras_missing HDF5)
  endif()
  if(NOT TARGET PkgConfig::eigengru_libzip)
    list(APPEND eigengru_keras_missing libzip)
  endif()
endmacro()

# libonnx's own package file wants protobuf's targets first.
macro(eigengru_find_onnx)
  set(eigengru_onnx_missing "")
  set(eigengru_onnx_libraries onnx_proto protobuf::libprotobuf)
  if(NOT TARGET protobuf::libprotobuf)
    find_package(Protobuf QUIET)
  endif()
  if(NOT TARGET protobuf::libprotobuf)
    list(APPEND eigengru_onnx_missing protobuf)
  elseif(NOT TARGET onnx_proto)
    find_package(ONNX CONFIG QUIET)
  endif()
  if(NOT TARGET onnx_proto)
    list(APPEND eigengru_onnx_missing libonnx)
  endif()
endmacro()

# Finds what eigengru::cudnn needs, with FindCUDNN.cmake beside this file. Sets eigengru_cudnn_problem: empty, or what is
# wrong in words.
set(eigengru_modules_dir ${CMAKE_CURRENT_LIST_DIR})
macro(eigengru_find_cudnn)
  set(eigengru_cudnn_problem "")
  set(eigengru_module_path ${CMAKE_MODULE_PATH})
  list(PREPEND CMAKE_MODULE_PATH ${eigengru_modules_dir})
  find_package(CUDNN 9 MODULE QUIET)
  set(CMAKE_MODULE_PATH ${eigengru_module_path})
  if(NOT CUDNN_FOUND AND CUDNN_VERSION VERSION_GREATER 0 AND CUDNN_VERSION VERSION_LESS 9)
    set(eigengru_cudnn_problem "cuDNN 9 or later is needed, ${CUDNN_VERSION} was found in ${CUDNN_CUDNN_INCLUDE_DIR}")
  elseif(NOT CUDNN_FOUND)
    set(eigengru_cudnn_problem "cuDNN 9 or the CUDA runtime not found (CUDNN_ROOT says where they are)")
  endif()
endmacro()
