# SPDX-License-Identifier: MIT
# Headers, the CMake package and the pkg-config file. The library is headers alone, so nothing here
# depends on the architecture and everything goes below include/ and share/.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/eigen_norm)
set(pkgconfig_dir ${CMAKE_INSTALL_DATADIR}/pkgconfig)
set(generated_dir ${PROJECT_BINARY_DIR}/package)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS eigen_norm EXPORT eigen_norm_targets INCLUDES
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(
  EXPORT eigen_norm_targets
  FILE eigen_norm-targets.cmake
  NAMESPACE eigen_norm::
  DESTINATION ${package_dir})

configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/eigen_norm-config.cmake.in ${generated_dir}/eigen_norm-config.cmake
  INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${generated_dir}/eigen_norm-config-version.cmake
  COMPATIBILITY SameMinorVersion
  ARCH_INDEPENDENT)
install(FILES ${generated_dir}/eigen_norm-config.cmake
              ${generated_dir}/eigen_norm-config-version.cmake
              ${PROJECT_SOURCE_DIR}/cmake/parts.cmake ${PROJECT_SOURCE_DIR}/cmake/Findlibzip.cmake
        DESTINATION ${package_dir})

# Relative to the .pc file itself, so that an installed tree can be moved.
file(RELATIVE_PATH include_dir_from_pc ${CMAKE_INSTALL_FULL_DATADIR}/pkgconfig
     ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/eigen_norm.pc.in ${generated_dir}/eigen_norm.pc @ONLY)
install(FILES ${generated_dir}/eigen_norm.pc DESTINATION ${pkgconfig_dir})
