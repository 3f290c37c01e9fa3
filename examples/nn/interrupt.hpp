// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <csignal>
#include <initializer_list>
#include <utility>
#include <vector>

namespace nn {

/// While it lives, Ctrl-C only asks the program to stop; the program looks at requested() where it
/// can. A second Ctrl-C ends it at once, as ever. So may other signals that end a program.
class Interrupt {
 public:
  explicit Interrupt(std::initializer_list<int> signals = {SIGINT}) {
    requested_ = false;
    for (const int signal : signals) before_.emplace_back(signal, std::signal(signal, note));
  }
  ~Interrupt() {
    for (const auto& [signal, handler] : before_) std::signal(signal, handler);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const { return requested_; }

 private:
  static void note(int signal) {
    requested_ = true;
    std::signal(signal, SIG_DFL);
  }

  // The signal may come to any thread.
  static inline std::atomic<bool> requested_ = false;
  static_assert(std::atomic<bool>::is_always_lock_free);
  std::vector<std::pair<int, void (*)(int)>> before_;
};

}  // namespace nn
