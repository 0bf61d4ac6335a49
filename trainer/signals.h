// Requests to stop: SIGUSR1, SIGTERM and SIGINT set a flag and do nothing else; the loop reads it between steps.
#pragma once

namespace phalanx {

// From here on the signals set the flag. A second SIGINT ends the process as it would without us.
void install_stop_signals();

[[nodiscard]] bool stop_requested();

// "SIGTERM", of the last signal that asked; empty when none did.
[[nodiscard]] const char* stop_signal_name();

// For tests: takes the request back.
void clear_stop_request();

}  // namespace phalanx
