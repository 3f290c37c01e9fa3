# SPDX-License-Identifier: MIT
# part_of(PATH RESULT): the optional part that a header or a test belongs to, or nothing. The part
# npz has io/npz.hpp, io/npz_test.cpp and all of io/npz/; a part may have a folder beside io, too.
function(part_of path result)
  string(JOIN "|" any_part ${eigen_norm_parts})
  if(path MATCHES "^(eigen_norm/)?(io/)?(${any_part})[._/]")
    set(${result} ${CMAKE_MATCH_3} PARENT_SCOPE)
  else()
    set(${result} "" PARENT_SCOPE)
  endif()
endfunction()
