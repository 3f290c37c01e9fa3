// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <csignal>

namespace nn {

/// While it lives, Ctrl-C only asks the program to stop; the program looks at requested() where it
/// can. A second Ctrl-C ends it at once, as ever.
class Interrupt {
 public:
  Interrupt() {
    requested_ = false;
    before_ = std::signal(SIGINT, note);
  }
  ~Interrupt() { std::signal(SIGINT, before_); }
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
  void (*before_)(int);
};

}  // namespace nn
