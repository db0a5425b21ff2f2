# Installs the headers and the package file, for find_package(eigengru).
include(CMakePackageConfigHelpers)

set(eigengru_package_dir ${CMAKE_INSTALL_DATADIR}/cmake/eigengru)

install(TARGETS eigengru EXPORT eigengru FILE_SET HEADERS)
install(EXPORT eigengru NAMESPACE eigengru:: FILE eigengru-targets.cmake DESTINATION ${eigengru_package_dir})

foreach(part safetensors keras onnx)
  if(TARGET eigengru_${part})
    install(TARGETS eigengru_${part} EXPORT eigengru_${part} FILE_SET HEADERS)
    install(EXPORT eigengru_${part} NAMESPACE eigengru:: FILE eigengru-${part}-targets.cmake
      DESTINATION ${eigengru_package_dir})
  endif()
endforeach()

if(TARGET eigengru_cudnn)
  install(TARGETS eigengru_cudnn EXPORT eigengru_cudnn FILE_SET HEADERS)
  install(TARGETS eigengru_cudnn_device EXPORT eigengru_cudnn)
  install(FILES ${PROJECT_SOURCE_DIR}/include/eigengru/cuda/device_kernels.cu
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/eigengru/cuda)
  install(EXPORT eigengru_cudnn NAMESPACE eigengru:: FILE eigengru-cudnn-targets.cmake
    DESTINATION ${eigengru_package_dir})
endif()

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/eigengru-config.cmake.in ${PROJECT_BINARY_DIR}/eigengru-config.cmake
  INSTALL_DESTINATION ${eigengru_package_dir}
)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/eigengru-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT
)
install(
  FILES
    ${PROJECT_BINARY_DIR}/eigengru-config.cmake
    ${PROJECT_BINARY_DIR}/eigengru-config-version.cmake
    ${CMAKE_CURRENT_LIST_DIR}/eigengru-dependencies.cmake
    ${CMAKE_CURRENT_LIST_DIR}/FindCUDNN.cmake
  DESTINATION ${eigengru_package_dir}
)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/eigengru)
