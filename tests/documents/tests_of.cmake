# SPDX-License-Identifier: MIT
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
