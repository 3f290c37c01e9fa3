# SPDX-License-Identifier: MIT
# `cpack` packs what is installed as .deb and .tar.gz, `cpack --config CPackSourceConfig.cmake` the
# sources as .tar.gz.
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_VENDOR "eigen-norm contributors")
set(CPACK_PACKAGE_CONTACT "eigen-norm contributors <eigen-norm@example.invalid>")
set(CPACK_PACKAGE_FILE_NAME eigen-norm-${PROJECT_VERSION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME eigen-norm-${PROJECT_VERSION}-source)
# A path with a plus or a dot is no regular expression of itself.
string(REGEX REPLACE "([][+.*()^$?|])" "\\\\\\1" source_dir "${PROJECT_SOURCE_DIR}")
set(CPACK_SOURCE_IGNORE_FILES "^${source_dir}/\\\\.git(/|$)" "^${source_dir}/\\\\.cache/"
                              "^${source_dir}/build" "^${source_dir}/CMakeUserPresets\\\\.json$")

set(CPACK_DEBIAN_PACKAGE_NAME libeigen-norm-dev)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PACKAGE_MULTIARCH foreign)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libeigen3-dev (>= 3.4)")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS
    "nlohmann-json3-dev (>= 3.8), libzip-dev, libonnx-dev, libprotobuf-dev, libopenmpi-dev")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "normalization layers for Eigen")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "BatchNorm, LayerNorm, GroupNorm, InstanceNorm and RMSNorm over the matrices
and tensors of Eigen, for training and inference on the CPU, as C++17 headers.

The suggested packages are what the optional parts need: nlohmann-json3-dev
for safetensors, libzip-dev for npz, libonnx-dev and libprotobuf-dev for onnx,
libopenmpi-dev for mpi.")
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/documents.cmake)

include(CPack)
