# SPDX-License-Identifier: MIT
# Every test that a page of `docs` names, as in `Accuracy.HoldsForEveryRatio`, is one of `tests`.
cmake_minimum_required(VERSION 3.22)  # IN_LIST
include(${CMAKE_CURRENT_LIST_DIR}/tests_of.cmake)

file(GLOB_RECURSE files ${tests}/*_test.cpp)
tests_of(all "${files}")

set(count 0)
file(GLOB_RECURSE pages ${docs}/*.md)
foreach(page IN LISTS pages)
  file(READ ${page} text)
  string(REGEX MATCHALL "`[A-Z][A-Za-z0-9]*\\.([A-Z]|[a-z]+_)[A-Za-z0-9_]+`" names "${text}")
  foreach(name IN LISTS names)
    string(REPLACE "`" "" name ${name})
    if(NOT name IN_LIST all)
      message(SEND_ERROR "${page} names ${name}, but there is no such test")
    endif()
    math(EXPR count "${count} + 1")
  endforeach()
endforeach()
message(STATUS "${count} names compared")
