// SPDX-License-Identifier: MIT
#pragma once

#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

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

}  // namespace nn
