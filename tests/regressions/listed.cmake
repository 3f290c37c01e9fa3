# SPDX-License-Identifier: MIT
# Compares the tests of `folder` with those that `page` names in the last column of its tables: each
# of ours is there once, and each of the page is one of ours or another of `tests`.
cmake_minimum_required(VERSION 3.22)  # IN_LIST

# tests_of(LIST FILES): the names of all tests in these files, as ctest has them.
function(tests_of result files)
  set(names "")
  foreach(file IN LISTS files)
    file(STRINGS ${file} lines REGEX "^(TYPED_)?TEST(_F)?\\([A-Za-z0-9]+, [A-Za-z0-9_]+\\)")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^[A-Z_]+\\(([A-Za-z0-9]+), ([A-Za-z0-9_]+)\\).*" "\\1.\\2" name "${line}")
      list(APPEND names ${name})
    endforeach()
  endforeach()
  set(${result} ${names} PARENT_SCOPE)
endfunction()

file(GLOB files ${folder}/*_test.cpp)
tests_of(ours "${files}")
file(GLOB_RECURSE files ${tests}/*_test.cpp)
tests_of(all "${files}")

set(shown "")
file(STRINGS ${page} rows REGEX "^\\|.*`[A-Za-z0-9]+\\.[A-Za-z0-9_]+` \\|$" ENCODING UTF-8)
foreach(row IN LISTS rows)
  string(REGEX REPLACE ".*`([A-Za-z0-9]+\\.[A-Za-z0-9_]+)` \\|$" "\\1" name "${row}")
  if(name IN_LIST shown)
    message(SEND_ERROR "${page} names ${name} twice")
  endif()
  if(NOT name IN_LIST all)
    message(SEND_ERROR "${page} names ${name}, but there is no such test")
  endif()
  list(APPEND shown ${name})
endforeach()
foreach(name IN LISTS ours)
  if(NOT name IN_LIST shown)
    message(SEND_ERROR "${page} does not name ${name}")
  endif()
endforeach()
list(LENGTH shown count)
message(STATUS "${count} tests compared")
