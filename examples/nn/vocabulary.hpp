// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>

#include "nn/types.hpp"

namespace nn {

/// The characters (bytes) that occur in a text, numbered from 0 in ascending order.
class Vocabulary {
 public:
  explicit Vocabulary(const std::string& text) {
    std::array<bool, 256> occurs{};
    for (const char c : text) {
      occurs[byte(c)] = true;
    }
    for (std::size_t b = 0; b < occurs.size(); ++b) {
      if (occurs[b]) {
        token_[b] = static_cast<int>(characters_.size());
        characters_ += static_cast<char>(b);
      }
    }
  }

  Index size() const { return static_cast<Index>(characters_.size()); }

  /// The text's characters as tokens; all of them must be in the vocabulary.
  Labels encode(const std::string& text) const {
    Labels tokens(static_cast<Index>(text.size()));
    Index i = 0;
    for (const char c : text) {
      eigen_assert(characters_.find(c) != std::string::npos);
      tokens(i++) = token_[byte(c)];
    }
    return tokens;
  }

  char decode(int token) const { return characters_[static_cast<std::size_t>(token)]; }

 private:
  static std::size_t byte(char c) { return static_cast<unsigned char>(c); }

  std::array<int, 256> token_{};
  std::string characters_;
};

}  // namespace nn
