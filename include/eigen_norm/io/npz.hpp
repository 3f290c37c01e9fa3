// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "eigen_norm/io/npy.hpp"
#include "eigen_norm/io/npz/zip_reader.hpp"
#include "eigen_norm/io/npz/zip_writer.hpp"
#include "eigen_norm/io/state_dict.hpp"

/// Needs libzip: the CMake target eigen_norm::npz.

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// Reads the tensors of an .npz file, as numpy.savez and numpy.savez_compressed write it, by their
/// names there.
///
///     io::load(io::load_npz("model.npz"), model);
///
/// Throws std::runtime_error for an archive or a member that is malformed, of a wrong checksum, or
/// no .npy file that view_of_npy reads, and for a name that is there twice.
inline StateDict load_npz(const std::string& path) {
  const std::string suffix = ".npy";
  const ZipReader archive(path);
  StateDict state;
  for (std::size_t i = 0; i < archive.size(); ++i) {
    const std::string member = archive.name(i);
    const bool is_npy = member.size() >= suffix.size() &&
                        member.compare(member.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (!is_npy) archive.fail_at(member, "a name that ends in .npy", "another");
    const std::string name = member.substr(0, member.size() - suffix.size());
    if (state.contains(name)) archive.fail_at(member, "each name once", "a second");
    const ZipReader::Bytes bytes = archive.read(i);
    const std::string where = std::string(path).append(": ").append(member);
    state.add_view(name, view_of_npy(bytes.data.get(), bytes.size, where), bytes.data);
  }
  return state;
}

/// Writes a state as an .npz file that numpy.load reads, not compressed, the same bytes for the
/// same state; see ZipWriter.
///
/// Throws std::invalid_argument for an empty state, which libzip does not write, for a name with a
/// null character, and for bfloat16, which NumPy has not.
inline void save_npz(const std::string& path, const StateDict& state) {
  if (state.size() == 0)
    memory::raise_invalid(path + ": expected a state to save, got an empty one");
  std::vector<NpyBytes> members;
  members.reserve(state.size());
  for (const StateDict::Entry& entry : state) {
    if (entry.name.find('\0') != std::string::npos) {
      memory::raise_invalid(path + ": expected names without null characters, got one in " +
                            entry.name.substr(0, entry.name.find('\0')) + "...");
    }
    members.emplace_back(entry.view, path + ": " + entry.name);
  }
  ZipWriter archive(path);
  auto next = members.begin();
  for (const StateDict::Entry& entry : state) {
    NpyBytes& member = *next++;
    archive.add(entry.name + ".npy", member.header(), member.data(), member.size());
  }
  archive.commit();
}

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
