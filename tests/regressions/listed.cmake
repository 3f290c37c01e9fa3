# SPDX-License-Identifier: MIT
# Each test of `folder` is named once in the last column of the tables of `page`.
cmake_minimum_required(VERSION 3.22)  # IN_LIST

include(${CMAKE_CURRENT_LIST_DIR}/../documents/tests_of.cmake)

file(GLOB files ${folder}/*_test.cpp)
tests_of(ours "${files}")

set(shown "")
file(STRINGS ${page} rows REGEX "^\\|.*`[A-Za-z0-9]+\\.[A-Za-z0-9_]+` \\|$" ENCODING UTF-8)
foreach(row IN LISTS rows)
  string(REGEX REPLACE ".*`([A-Za-z0-9]+\\.[A-Za-z0-9_]+)` \\|$" "\\1" name "${row}")
  if(name IN_LIST shown)
    message(SEND_ERROR "${page} names ${name} twice")
  endif()
  list(APPEND shown ${name})
endforeach()
foreach(name IN LISTS ours)
  if(NOT name IN_LIST shown)
    message(SEND_ERROR "${page} does not name ${name}")
  endif()
endforeach()
list(LENGTH shown count)
message(STATUS "${count} tests are listed")
