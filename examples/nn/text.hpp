// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>

namespace nn {

/// The text of a file, or of all files of a folder one after the other, in the order of their
/// paths. A file that has other names too (symbolic links) is read once; subfolders are not read.
/// Whatever is wrong ends in a std::runtime_error: `path: expected this, got that`.
inline std::string read_text(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code missing;
  const fs::path start = fs::canonical(path, missing);
  if (missing) {
    throw std::runtime_error(path + ": expected a text file or a folder of them, got \"" +
                             missing.message() + "\"");
  }
  std::set<fs::path> files;
  if (fs::is_directory(start)) {
    for (const auto& entry : fs::directory_iterator(start)) {
      if (entry.is_regular_file()) {
        files.insert(fs::canonical(entry));
      }
    }
  } else {
    files.insert(start);
  }

  std::string text;
  for (const fs::path& file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      throw std::runtime_error(file.string() + ": expected a readable text file, got \"" +
                               std::strerror(errno) + "\"");
    }
    text.append(std::istreambuf_iterator<char>(in), {});
  }
  if (text.empty()) {
    throw std::runtime_error(path + ": expected text, got none");
  }
  return text;
}

}  // namespace nn
