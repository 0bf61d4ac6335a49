// What every communicator must do, whatever carries its bytes. A test program of each implementation runs all of it.
// Inputs are functions of (rank, index), so every rank knows every answer without asking.
#pragma once

#include "core/device.h"
#include "parallel/communicator.h"

namespace phalanx::suite {

// A communicator and the memory that it works on.
struct Subject {
  Communicator& comm;
  Device device;
  Stream stream;
};

// Sums whose every partial result is exact, in all dtypes and many sizes: all_reduce, reduce_scatter.
void sums_exactly(const Subject& subject);
void finds_maxima_and_minima(const Subject& subject);
// all_gather, all_to_all, broadcast: every byte arrives where it belongs.
void moves_every_element(const Subject& subject);
// reduce_scatter into, and all_gather from, the rank's own part of the larger buffer.
void works_in_place(const Subject& subject);
// Random values: fp32 and bf16 sums have the bits of a sum in rank order, accumulated in fp32 and rounded once.
void sums_in_rank_order(const Subject& subject);
// sum_tree has the bits of the tree, for 1, 2 and 4 partials per rank.
void sums_along_the_tree(const Subject& subject);
void repeats_the_same_bits(const Subject& subject);
// Ranks that are late, many calls of changing size: no call reads what belongs to another.
void keeps_calls_apart(const Subject& subject);
// Wrong shapes, dtypes, overlaps and roots throw on every rank, and the next call works.
void refuses_wrong_arguments(const Subject& subject);
void counts_its_usage(const Subject& subject);

}  // namespace phalanx::suite
