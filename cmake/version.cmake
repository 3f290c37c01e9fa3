# SPDX-License-Identifier: MIT
# Reads EIGEN_NORM_VERSION, "major.minor.patch", from version.hpp.
set(version_header ${CMAKE_CURRENT_LIST_DIR}/../include/eigen_norm/version.hpp)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${version_header})
file(STRINGS ${version_header} version_lines REGEX "define EIGEN_NORM_VERSION_")
string(REGEX REPLACE "[^0-9]+([0-9]+)[^0-9]+([0-9]+)[^0-9]+([0-9]+).*" "\\1.\\2.\\3"
       EIGEN_NORM_VERSION "${version_lines}")
