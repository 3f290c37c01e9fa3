# SPDX-License-Identifier: MIT
# cmake -D include=FOLDER -P headers.cmake: in every header each namespace of the library opens the
# inline one at once.
cmake_minimum_required(VERSION 3.22)
file(GLOB_RECURSE headers ${include}/*.hpp)
foreach(header IN LISTS headers)
  file(READ ${header} text)
  string(REGEX MATCHALL "\nnamespace eigen_norm[a-z:_]* {" opened "${text}")
  string(REGEX MATCHALL "\nnamespace eigen_norm[a-z:_]* {\ninline namespace EIGEN_NORM_ABI {" named
               "${text}")
  list(LENGTH opened opened)
  list(LENGTH named named)
  if(NOT opened EQUAL named)
    message(SEND_ERROR "${header}: expected `inline namespace EIGEN_NORM_ABI` in all of its "
                       "${opened} namespaces, got ${named}")
  endif()
endforeach()
