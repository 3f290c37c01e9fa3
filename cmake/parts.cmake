# SPDX-License-Identifier: MIT
# The optional parts of the library, each with a dependency of its own and a target to link,
# eigen_norm::<part>. The build reads this file, and so does find_package once it is installed.

# eigen_norm_part(NAME NEEDS "arguments of find_package"... LINKS target...): a line of the table.
# The packages are looked for in this order; of the targets the first that there is gets linked.
macro(eigen_norm_part name)
  cmake_parse_arguments(eigen_norm_${name} "" "" "NEEDS;LINKS" ${ARGN})
  list(APPEND eigen_norm_parts ${name})
endmacro()

set(eigen_norm_parts)
eigen_norm_part(safetensors NEEDS "nlohmann_json 3" LINKS nlohmann_json::nlohmann_json)
eigen_norm_part(npz NEEDS "libzip MODULE" LINKS libzip::zip)
eigen_norm_part(onnx NEEDS Protobuf ONNX LINKS ONNX::onnx_proto onnx_proto)

# eigen_norm_find_part(NAME [GLOBAL]): makes eigen_norm::NAME and sets eigen_norm_NAME_FOUND; where
# a dependency is missing, eigen_norm_NAME_MISSING says which.
function(eigen_norm_find_part name)
  list(PREPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  set(CMAKE_FIND_PACKAGE_PREFER_CONFIG ON)  # CMake's own FindProtobuf does not know abseil
  foreach(need IN LISTS eigen_norm_${name}_NEEDS)
    separate_arguments(package UNIX_COMMAND ${need})
    find_package(${package} QUIET)
    list(GET package 0 package)
    if(NOT ${package}_FOUND)
      string(REGEX REPLACE " [A-Z].*" "" need ${need})
      set(eigen_norm_${name}_FOUND FALSE PARENT_SCOPE)
      set(eigen_norm_${name}_MISSING
          "eigen_norm: the part \"${name}\" needs ${need}, which was not found" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  set(eigen_norm_${name}_FOUND TRUE PARENT_SCOPE)
  if(TARGET eigen_norm::${name})
    return()
  endif()
  add_library(eigen_norm::${name} INTERFACE IMPORTED ${ARGN})
  foreach(target IN LISTS eigen_norm_${name}_LINKS)
    if(TARGET ${target})
      target_link_libraries(eigen_norm::${name} INTERFACE eigen_norm::eigen_norm ${target})
      return()
    endif()
  endforeach()
endfunction()
