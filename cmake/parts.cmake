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
eigen_norm_part(safetensors NEEDS "nlohmann_json 3.8" LINKS nlohmann_json::nlohmann_json)
eigen_norm_part(npz NEEDS "libzip MODULE" LINKS libzip::zip)
eigen_norm_part(onnx NEEDS Protobuf ONNX LINKS ONNX::onnx_proto onnx_proto)
eigen_norm_part(mpi NEEDS "MPI COMPONENTS CXX" LINKS MPI::MPI_CXX)

# eigen_norm_find_part(NAME [GLOBAL]): makes eigen_norm::NAME and sets eigen_norm_NAME_FOUND; where
# a dependency is missing, eigen_norm_NAME_MISSING says which. A dependency that the project has
# already, as a target, is not looked for.
function(eigen_norm_find_part name)
  list(PREPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_FUNCTION_LIST_DIR})
  set(CMAKE_FIND_PACKAGE_PREFER_CONFIG ON)  # CMake's own FindProtobuf does not know abseil
  set(missing "")
  eigen_norm_first_target(linked ${eigen_norm_${name}_LINKS})
  if(NOT linked)
    foreach(need IN LISTS eigen_norm_${name}_NEEDS)
      separate_arguments(package UNIX_COMMAND ${need})
      find_package(${package} QUIET)
      list(GET package 0 package)
      if(NOT ${package}_FOUND)
        string(REGEX REPLACE " [A-Z].*" "" missing ${need})
        break()
      endif()
    endforeach()
    eigen_norm_first_target(linked ${eigen_norm_${name}_LINKS})
    if(NOT linked AND NOT missing)
      list(JOIN eigen_norm_${name}_LINKS " or " missing)
      string(PREPEND missing "the target ")
    endif()
  endif()
  if(missing)
    set(eigen_norm_${name}_FOUND FALSE PARENT_SCOPE)
    set(eigen_norm_${name}_MISSING
        "eigen_norm: the part \"${name}\" needs ${missing}, which was not found" PARENT_SCOPE)
    return()
  endif()

  set(eigen_norm_${name}_FOUND TRUE PARENT_SCOPE)
  if(NOT TARGET eigen_norm::${name})
    add_library(eigen_norm::${name} INTERFACE IMPORTED ${ARGN})
    target_link_libraries(eigen_norm::${name} INTERFACE eigen_norm::eigen_norm ${linked})
  endif()
endfunction()

# Of these targets the first that there is, or nothing.
function(eigen_norm_first_target result)
  set(${result} "" PARENT_SCOPE)
  foreach(target IN LISTS ARGN)
    if(TARGET ${target})
      set(${result} ${target} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()
