// SPDX-License-Identifier: MIT
#include "support/golden.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace eigen_norm::test {

namespace {

template <typename Map>
const typename Map::mapped_type& find(const Map& map, const std::string& key,
                                      const std::string& name) {
  const auto found = map.find(key);
  if (found == map.end()) throw std::runtime_error("golden case " + name + " has no " + key);
  return found->second;
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), stream_(path) {
    if (!stream_) throw std::runtime_error("cannot open " + path);
  }

  std::vector<GoldenCase> read() {
    std::vector<GoldenCase> cases;
    while (next_line()) {
      std::string word;
      std::string name;
      line_ >> word;
      if (word.empty() || word[0] == '#') continue;
      line_ >> name;
      if (word == "case") {
        cases.emplace_back();
        cases.back().name = name;
      } else if (word == "option" && !cases.empty()) {
        line_ >> cases.back().options[name];
      } else if (word == "array" && !cases.empty()) {
        cases.back().arrays[name] = read_array();
      } else {
        fail("expected case, option or array, got " + word);
      }
    }
    return cases;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw std::runtime_error(path_ + ":" + std::to_string(number_) + ": " + message);
  }

  bool next_line() {
    std::string text;
    if (!std::getline(stream_, text)) return false;
    ++number_;
    line_ = std::istringstream(text);
    return true;
  }

  // The rest of this line is the shape; the values stand in the lines that follow.
  Logical read_array() {
    Dims dims;
    Index dim = 0;
    while (line_ >> dim) dims.push_back(dim);
    Logical result(dims);
    std::string word;
    for (Real& value : result.values) {
      while (!(line_ >> word)) {
        if (!next_line()) fail("the file ends inside an array");
      }
      char* end = nullptr;
      // Read as double, which is what was written: as long double the decimal would be another
      // number.
      value = std::strtod(word.c_str(), &end);
      if (*end != '\0') fail("expected a number, got " + word);
    }
    return result;
  }

  std::string path_;
  std::ifstream stream_;
  std::istringstream line_;
  int number_ = 0;
};

}  // namespace

const std::string& GoldenCase::option(const std::string& key) const {
  return find(options, key, name);
}

const Logical& GoldenCase::array(const std::string& key) const { return find(arrays, key, name); }

std::vector<GoldenCase> read_goldens(const std::string& file) {
  return Reader(std::string(EIGEN_NORM_TEST_DATA_DIR) + "/" + file).read();
}

}  // namespace eigen_norm::test
