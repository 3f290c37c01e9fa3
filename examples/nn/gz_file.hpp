// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace nn {

/// A file to read, gzipped or plain. Its readers say what went wrong, in the words of trouble().
class GzFile {
 public:
  explicit GzFile(const std::string& path) : file_(gzopen(path.c_str(), "rb")) {
    if (file_ == nullptr) trouble_ = std::string("\"") + std::strerror(errno) + "\"";
  }

  /// The next line, up to and with its end; empty at the end of the file.
  std::string line() {
    std::string line;
    char buffer[256];
    while (line.empty() || line.back() != '\n') {
      if (gzgets(file_.get(), buffer, sizeof buffer) == nullptr) break;
      line += buffer;
    }
    return line;
  }

  /// The next bytes, at most `size` of them; returns their number.
  std::size_t read(void* to, std::size_t size) {
    const int got = gzread(file_.get(), to, static_cast<unsigned>(size));
    return got < 0 ? 0 : static_cast<std::size_t>(got);
  }

  /// Why there is no more to read; empty where the file is in order.
  std::string trouble() const {
    if (file_ == nullptr) return trouble_;
    int code = Z_OK;
    const std::string message = gzerror(file_.get(), &code);  // "file: what is wrong"
    if (code == Z_OK) return "";
    if (code == Z_BUF_ERROR) return "a truncated gzip file";
    return '"' + message.substr(message.rfind(": ") + 2) + '"';
  }

 private:
  struct Close {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };
  std::unique_ptr<gzFile_s, Close> file_;
  std::string trouble_;
};

/// The same for a file that must hold what is expected and no more. Whatever is wrong ends in a
/// std::runtime_error that says `file: expected this, got that`.
class ExactFile {
 public:
  ExactFile(const std::string& path, std::string expected)
      : path_(path), expected_(std::move(expected)), file_(path) {
    fail_if_unreadable();
  }

  void read(void* to, std::size_t size) {
    const std::size_t got = file_.read(to, size);
    fail_if_unreadable();
    if (got < size) fail("the end of the file");
  }

  /// The next line, without its end.
  std::string line() {
    std::string line = file_.line();
    fail_if_unreadable();
    if (line.empty() || line.back() != '\n') fail("the end of the file");
    line.pop_back();
    return line;
  }

  /// After the last element: nothing may follow it but the checksum, which must be right.
  void finish() {
    char more = 0;
    if (file_.read(&more, 1) > 0) fail("more bytes than that");
    fail_if_unreadable();
  }

  [[noreturn]] void fail(const std::string& got) const {
    throw std::runtime_error(path_ + ": expected " + expected_ + ", got " + got);
  }

 private:
  void fail_if_unreadable() const {
    const std::string trouble = file_.trouble();
    if (!trouble.empty()) fail(trouble);
  }

  std::string path_, expected_;
  GzFile file_;
};

}  // namespace nn
