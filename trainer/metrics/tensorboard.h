// TensorBoard event files: scalars of the run as records of Event messages, encoded by hand (protocol buffers; field
// numbers are those of TensorBoard's event.proto and summary.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace phalanx {

class TensorBoardWriter {
 public:
  using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value (kept as fp32)

  // Begins a new file "events.out.tfevents.<seconds>.<host>.<process>" in `folder`, which is created. Throws Error when
  // that fails.
  TensorBoardWriter(const std::string& folder, double time);
  ~TensorBoardWriter();
  TensorBoardWriter(const TensorBoardWriter&) = delete;
  TensorBoardWriter& operator=(const TensorBoardWriter&) = delete;

  // The run goes on after `step`: TensorBoard forgets what earlier files of the folder say of later steps.
  void resume(std::int64_t step, double time);
  // One write. A full disk warns once and ends the writing: the run goes on.
  void scalars(std::int64_t step, double time, const Scalars& values);

 private:
  void write(const std::string& event);

  std::string path_;
  int file_ = -1;
};

// A record: length, its checksum, the bytes, their checksum; little-endian, checksums are masked CRC-32C.
std::string tensorboard_record(std::string_view bytes);

}  // namespace phalanx
