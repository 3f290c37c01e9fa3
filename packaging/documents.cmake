# SPDX-License-Identifier: MIT
# Run by cpack before it packs: adds the licence, and to a .deb what Debian's policy wants below
# share/doc, with the changelog and one of the packaging itself.
if(NOT CPACK_GENERATOR STREQUAL DEB)
  file(COPY ${CPACK_RESOURCE_FILE_LICENSE} DESTINATION ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
  return()
endif()

set(name ${CPACK_DEBIAN_PACKAGE_NAME})
set(documents ${CPACK_TEMPORARY_INSTALL_DIRECTORY}${CPACK_PACKAGING_INSTALL_PREFIX}/share/doc/${name})
file(MAKE_DIRECTORY ${documents})
file(COPY_FILE ${CPACK_RESOURCE_FILE_LICENSE} ${documents}/copyright)
file(COPY_FILE ${CMAKE_CURRENT_LIST_DIR}/../CHANGELOG.md ${documents}/changelog)

set(version ${CPACK_PACKAGE_VERSION})
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # SOURCE_DATE_EPOCH, where it is set
file(
  WRITE ${documents}/changelog.Debian
  "${name} (${version}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
  "  * Version ${version}; changelog.gz says what is new.\n\n"
  " -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
execute_process(COMMAND gzip -9n ${documents}/changelog ${documents}/changelog.Debian
                COMMAND_ERROR_IS_FATAL ANY)
