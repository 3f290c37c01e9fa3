// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "eigen_norm/memory/error.hpp"

#if defined(__unix__) || defined(__APPLE__)
#define EIGEN_NORM_HAS_MMAP
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#include <fstream>
#include <iterator>
#include <vector>
#endif

namespace eigen_norm::io {
inline namespace EIGEN_NORM_ABI {

/// A file in memory, for as long as somebody holds it: mapped where the system is a Unix, so that
/// only what is looked at is read, and read as a whole elsewhere.
///
/// A mapped file must not be truncated meanwhile. Replacing it, as AtomicFile does, is fine.
class MappedFile {
 public:
  /// Throws std::runtime_error with the path and the system's reason.
  static std::shared_ptr<const MappedFile> open(const std::string& path) {
    return std::shared_ptr<const MappedFile>(new MappedFile(path));
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  [[noreturn]] static void fail(const std::string& path, const std::string& reason) {
    memory::raise<std::runtime_error>(path + ": expected a file to read, got \"" + reason + '"');
  }

#ifdef EIGEN_NORM_HAS_MMAP
 public:
  ~MappedFile() {
    if (mapping_ != nullptr) munmap(mapping_, size_);
  }

 private:
  explicit MappedFile(const std::string& path) {
    // A named pipe would have open wait for somebody who writes; it is refused below.
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) fail(path, std::strerror(errno));
    const std::string reason = map(file);
    close(file);
    if (!reason.empty()) fail(path, reason);
  }

  /// Why not, or nothing.
  std::string map(int file) {
    struct stat status;
    if (fstat(file, &status) != 0) return std::strerror(errno);
    if (!S_ISREG(status.st_mode)) return "not a regular file";
    const auto size = static_cast<std::size_t>(status.st_size);
    if (static_cast<off_t>(size) != status.st_size) return "more bytes than there are addresses";
    if (size == 0) return {};  // nothing to map, which mmap calls an error
    void* const data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) return std::strerror(errno);
    mapping_ = data;
    data_ = static_cast<const char*>(data);
    size_ = size;
    return {};
  }

  void* mapping_ = nullptr;
#else
  explicit MappedFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) fail(path, std::strerror(errno));
    bytes_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (file.bad()) fail(path, std::strerror(errno));
    data_ = bytes_.data();
    size_ = bytes_.size();
  }

  std::vector<char> bytes_;
#endif

  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace EIGEN_NORM_ABI
}  // namespace eigen_norm::io
