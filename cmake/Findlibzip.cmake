# SPDX-License-Identifier: MIT
# Finds libzip, as the target libzip::zip. Debian's own package file stops every build unless the
# programs zipcmp, zipmerge and ziptool are installed too, so a shared library is taken as it lies.
# What a static one links in turn, its package file knows.
find_path(libzip_INCLUDE_DIR zip.h)
find_library(libzip_LIBRARY zip)
mark_as_advanced(libzip_INCLUDE_DIR libzip_LIBRARY)

if(libzip_INCLUDE_DIR AND libzip_LIBRARY MATCHES "\\.(so|dylib|tbd)$")
  set(libzip_FOUND TRUE)
  if(NOT TARGET libzip::zip)
    add_library(libzip::zip UNKNOWN IMPORTED)
    set_target_properties(
      libzip::zip PROPERTIES IMPORTED_LOCATION ${libzip_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES
                                                                 ${libzip_INCLUDE_DIR})
  endif()
else()
  find_package(libzip CONFIG QUIET)
endif()
