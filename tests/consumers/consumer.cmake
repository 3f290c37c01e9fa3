# SPDX-License-Identifier: MIT
# What each project builds once it has the library: a program of two translation units, and one for
# each optional part whose target there is.
enable_testing()
add_executable(consumer ${CMAKE_CURRENT_LIST_DIR}/main.cpp ${CMAKE_CURRENT_LIST_DIR}/normalise.cpp)
target_link_libraries(consumer PRIVATE eigen_norm::eigen_norm)
add_test(NAME consumer COMMAND consumer)

file(GLOB sources ${CMAKE_CURRENT_LIST_DIR}/parts/*.cpp)
foreach(source IN LISTS sources)
  cmake_path(GET source STEM part)
  if(TARGET eigen_norm::${part})
    add_executable(uses_${part} ${source})
    target_link_libraries(uses_${part} PRIVATE eigen_norm::${part})
    add_test(NAME uses_${part} COMMAND uses_${part})
  endif()
endforeach()
