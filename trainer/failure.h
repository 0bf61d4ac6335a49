// How the program ends when something went wrong: one message, the last line, and the right exit status.
#pragma once

#include <exception>

namespace phalanx {

class Runtime;

// Exit statuses of the program when something went wrong.
enum class Exit : int { failure = 1, usage = 2 };

// Ends a job for the exception that a command threw; to be called on every rank that caught one. UsageError and
// AgreedError come to all ranks alike: rank 0 prints, all return a status (2, 1) and finalise. Should they have come to
// this rank alone, finalising would wait for the others forever: a guard then prints and ends the job after a few
// seconds. Any other exception on one rank of several is printed there and aborts the job at once.
int end_job(const Runtime& runtime, const std::exception& error);

// For errors before MPI runs, which all ranks meet alike: true on the rank that speaks for all.
bool speaks_for_all();

}  // namespace phalanx
