# SPDX-License-Identifier: MIT
# The recipes of vcpkg and Conan have the version and the optional parts that the library has.
cmake_minimum_required(VERSION 3.22)
include(${repository}/cmake/version.cmake)
include(${repository}/cmake/parts.cmake)

function(expect what expected got)
  if(NOT expected STREQUAL got)
    message(SEND_ERROR "${what}: expected ${expected}, got ${got}")
  endif()
endfunction()
list(SORT eigen_norm_parts)

file(READ ${repository}/packaging/vcpkg/eigen-norm/vcpkg.json port)
string(JSON version GET ${port} version)
expect("The version in vcpkg.json" ${EIGEN_NORM_VERSION} ${version})

string(JSON count LENGTH ${port} features)
math(EXPR last "${count} - 1")
foreach(index RANGE ${last})
  string(JSON feature MEMBER ${port} features ${index})
  list(APPEND features ${feature})
endforeach()
list(SORT features)
expect("The features in vcpkg.json" "${eigen_norm_parts}" "${features}")

file(STRINGS ${repository}/packaging/conan/conanfile.py lines REGEX "^    \"[a-z]+\": \\(")
list(TRANSFORM lines REPLACE "^    \"([a-z]+)\".*" "\\1" OUTPUT_VARIABLE options)
list(SORT options)
expect("The options in conanfile.py" "${eigen_norm_parts}" "${options}")
