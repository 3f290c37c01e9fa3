// SPDX-License-Identifier: MIT
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "nn/types.hpp"

namespace nn {

/// How far a long run is, at what rate, and how long it will take, on one line of the terminal.
/// Where stderr is no terminal it shows nothing.
class ProgressBar {
 public:
  /// Of `total` units, `done` were done before, in an earlier run, say.
  ProgressBar(std::string unit, Index total, Index done)
      : unit_(std::move(unit)), total_(total), before_(done) {}

  /// `label` comes first on the line.
  void show(const std::string& label, Index done) {
    const auto now = Clock::now();
    if (!on_terminal_ || now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = static_cast<double>(done - before_) / seconds;
    std::fprintf(stderr, "\r%s\033[K", text(label, done, rate).c_str());
    std::fflush(stderr);
  }

  /// Makes room for other output.
  void clear() const {
    if (on_terminal_) std::fputs("\r\033[K", stderr);
  }

  /// "label [=====>    ]  50%  1200 images/s  1:05 left"
  std::string text(const std::string& label, Index done, double rate) const {
    constexpr Index width = 24;
    const Index filled = done * width / total_;
    const std::string bar = std::string(static_cast<std::size_t>(filled), '=') + '>' +
                            std::string(static_cast<std::size_t>(width - filled), ' ');
    const double left = rate > 0 ? static_cast<double>(total_ - done) / rate : 0;
    const int seconds = static_cast<int>(std::min(left, 359999.0));
    char numbers[80];
    std::snprintf(numbers, sizeof numbers, "%3d%%  %.0f %s/s  %d:%02d left",
                  static_cast<int>(done * 100 / total_), rate, unit_.c_str(), seconds / 60,
                  seconds % 60);
    return label + " [" + bar.substr(0, width) + "] " + numbers;
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::string unit_;
  Index total_, before_;
  bool on_terminal_ = isatty(STDERR_FILENO) == 1;
  Clock::time_point start_ = Clock::now(), shown_{};
};

}  // namespace nn
