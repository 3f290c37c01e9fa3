# SPDX-License-Identifier: MIT
# What the project's own tests, examples and benchmarks are built with. None of it reaches those
# who link eigen_norm::eigen_norm.
set(CMAKE_CXX_EXTENSIONS OFF)

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()

add_library(eigen_norm_warnings INTERFACE)
if(MSVC)  # or clang-cl; Eigen makes more sections than an object file has room for by default
  target_compile_options(eigen_norm_warnings INTERFACE /W4 /bigobj /utf-8)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(eigen_norm_warnings INTERFACE -Wall -Wextra -Wpedantic -Wconversion
                                                       -Wshadow -Werror)
endif()

add_library(eigen_norm_native INTERFACE)
if(EIGEN_NORM_NATIVE)
  target_compile_options(eigen_norm_native INTERFACE -march=native)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # g++ 12 warns about its own AVX-512 header, and about Eigen's aligned memory.
    target_compile_options(eigen_norm_native INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized
                                                       -Wno-free-nonheap-object)
  endif()
endif()
