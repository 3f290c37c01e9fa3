# SPDX-License-Identifier: MIT
"""`conan create packaging/conan` packs the headers of the repository that this recipe lies in."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load

# Of each optional part: what it requires, and what of that it links.
PARTS = {
    "safetensors": ("nlohmann_json/[>=3.11 <4]", "nlohmann_json::nlohmann_json"),
    "npz": ("libzip/[>=1.9 <2]", "libzip::libzip"),
    "onnx": ("onnx/[>=1.12 <2]", "onnx::onnx_proto"),
    "mpi": ("openmpi/[>=4.1 <5]", "openmpi::openmpi"),
}


class EigenNorm(ConanFile):
    name = "eigen-norm"
    description = "Normalization layers for Eigen"
    license = "MIT"
    topics = ("eigen", "normalization", "batch-norm", "layer-norm", "neural-networks", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {part: [True, False] for part in PARTS}
    default_options = {part: False for part in PARTS}
    no_copy_source = True

    @property
    def _repository(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._repository, "include/eigen_norm/version.hpp"))
        self.version = ".".join(re.findall(r"EIGEN_NORM_VERSION_[A-Z]+ (\d+)", header))

    def export_sources(self):
        for pattern in ("include/*", "LICENSE"):
            copy(self, pattern, src=self._repository, dst=self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4 <6]", transitive_headers=True)
        for part, (package, _) in PARTS.items():
            if self.options.get_safe(part):
                self.requires(package, transitive_headers=True, transitive_libs=True)

    def validate(self):
        check_min_cppstd(self, 17)

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        copy(self, "include/*", src=self.source_folder, dst=self.package_folder)

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "eigen_norm")
        self._component("eigen_norm", ["eigen::eigen"])
        for part, (_, linked) in PARTS.items():
            if self.options.get_safe(part):
                self._component(part, ["eigen_norm", linked])

    def _component(self, name, requires):
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"eigen_norm::{name}")
        component.requires = requires
        component.bindirs = []
        component.libdirs = []
