# Finds cuDNN 9 or later and the CUDA runtime that it works with.
#
#   CUDNN_ROOT (variable or environment) is searched first. It may be a prefix with include/ and lib/, the site-packages
#   folder of a Python environment with the packages nvidia-cudnn-cu13, nvidia-cuda-runtime and nvidia-cuda-crt (for
#   CUDA 12 nvidia-cudnn-cu12, nvidia-cuda-runtime-cu12 and nvidia-cuda-nvcc-cu12), or its nvidia/ or nvidia/cudnn/. Then
#   come CUDAToolkit_ROOT, CUDA_HOME, CUDA_PATH, /usr/local/cuda and the system's own.
#
# Gives CUDNN_FOUND, CUDNN_VERSION (of the headers), CUDNN_CUDART_VERSION and the targets CUDNN::cudnn, CUDNN::cudart.
# No CUDA compiler is looked for: the host compiler is enough.

# The folders of CUDNN_ROOT, by the layouts above; a Python package has its libraries under versioned names only.
set(_cudnn_roots ${CUDNN_ROOT} $ENV{CUDNN_ROOT})
set(_cudnn_hints "")
set(_cudnn_cudart_hints "")
foreach(_cudnn_root IN LISTS _cudnn_roots)
  foreach(_cudnn_nvidia ${_cudnn_root}/nvidia ${_cudnn_root} ${_cudnn_root}/..)
    list(APPEND _cudnn_hints ${_cudnn_nvidia}/cudnn)
    list(APPEND _cudnn_cudart_hints ${_cudnn_nvidia}/cuda_runtime ${_cudnn_nvidia}/cu13
      ${_cudnn_nvidia}/cuda_nvcc)
  endforeach()
  list(APPEND _cudnn_hints ${_cudnn_root})
  list(APPEND _cudnn_cudart_hints ${_cudnn_root})
endforeach()
set(_cudnn_toolkits ${CUDAToolkit_ROOT} $ENV{CUDAToolkit_ROOT} $ENV{CUDA_HOME} $ENV{CUDA_PATH} /usr/local/cuda)

# A library is taken from beside its own headers, so that the two never differ in version.
macro(_cudnn_find part header names)
  find_path(CUDNN_${part}_INCLUDE_DIR ${header} HINTS ${ARGN} ${_cudnn_toolkits} PATH_SUFFIXES include NO_CACHE)
  string(REGEX REPLACE "/include/?$" "" _cudnn_prefix "${CUDNN_${part}_INCLUDE_DIR}")
  find_library(CUDNN_${part}_LIBRARY NAMES ${names} NAMES_PER_DIR
    HINTS ${_cudnn_prefix} ${ARGN} ${_cudnn_toolkits} PATH_SUFFIXES lib lib64 lib/x64 NO_CACHE
  )
endmacro()
_cudnn_find(CUDNN cudnn_version.h "cudnn;libcudnn.so.9" ${_cudnn_hints})
_cudnn_find(CUDART cuda_runtime_api.h "cudart;libcudart.so.13;libcudart.so.12" ${_cudnn_cudart_hints})
# The headers of the runtime include this one, which packages keep apart.
find_path(CUDNN_CRT_INCLUDE_DIR crt/host_defines.h
  HINTS ${CUDNN_CUDART_INCLUDE_DIR} ${_cudnn_cudart_hints} ${_cudnn_toolkits} PATH_SUFFIXES include NO_CACHE
)

set(CUDNN_VERSION "")
if(CUDNN_CUDNN_INCLUDE_DIR)
  file(STRINGS ${CUDNN_CUDNN_INCLUDE_DIR}/cudnn_version.h _cudnn_lines
    REGEX "^#define CUDNN_(MAJOR|MINOR|PATCHLEVEL) [0-9]+$"
  )
  list(TRANSFORM _cudnn_lines REPLACE "^.* ([0-9]+)$" "\\1")
  list(JOIN _cudnn_lines "." CUDNN_VERSION)
endif()
set(CUDNN_CUDART_VERSION "")
if(CUDNN_CUDART_INCLUDE_DIR)
  file(STRINGS ${CUDNN_CUDART_INCLUDE_DIR}/cuda_runtime_api.h _cudnn_lines REGEX "^#define CUDART_VERSION +[0-9]+$")
  string(REGEX REPLACE "^.* ([0-9]+)$" "\\1" _cudnn_number "${_cudnn_lines}")
  math(EXPR _cudnn_major "${_cudnn_number} / 1000")
  math(EXPR _cudnn_minor "${_cudnn_number} % 1000 / 10")
  set(CUDNN_CUDART_VERSION ${_cudnn_major}.${_cudnn_minor})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN
  REQUIRED_VARS CUDNN_CUDNN_LIBRARY CUDNN_CUDNN_INCLUDE_DIR CUDNN_CUDART_LIBRARY CUDNN_CUDART_INCLUDE_DIR
    CUDNN_CRT_INCLUDE_DIR
  VERSION_VAR CUDNN_VERSION
  HANDLE_VERSION_RANGE
)

if(CUDNN_FOUND AND NOT TARGET CUDNN::cudart)
  foreach(_cudnn_part CUDART CUDNN)
    string(TOLOWER ${_cudnn_part} _cudnn_name)
    if(TARGET CUDNN::${_cudnn_name})
      continue()
    endif()
    add_library(CUDNN::${_cudnn_name} UNKNOWN IMPORTED GLOBAL)
    set_target_properties(CUDNN::${_cudnn_name} PROPERTIES
      IMPORTED_LOCATION ${CUDNN_${_cudnn_part}_LIBRARY}
      INTERFACE_INCLUDE_DIRECTORIES ${CUDNN_${_cudnn_part}_INCLUDE_DIR}
    )
  endforeach()
  target_include_directories(CUDNN::cudart INTERFACE ${CUDNN_CRT_INCLUDE_DIR})
  target_link_libraries(CUDNN::cudnn INTERFACE CUDNN::cudart)
endif()
