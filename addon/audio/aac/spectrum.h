// Samples to lines: the windows and transforms of AAC. Source: ISO/IEC 14496-3, 4.6.11 (filter bank).
#pragma once

#include "../libav.h"
#include "grid.h"

#include <memory>

namespace xg2g::aac {

constexpr unsigned kWindowSamples = 2 * kFrameLines;

// Of one encoder. Not for two threads at once.
class Spectrum {
 public:
  // False: libavutil has not such transforms.
  bool Open();
  // in: kWindowSamples, of full scale 1. lines: room for kFrameLines; they come as the grid has them.
  void Transform(const Grid& grid, const float* in, float* lines);

 private:
  struct Free {
    void operator()(AVTXContext* context) const { av_tx_uninit(&context); }
  };
  struct Mdct {
    std::unique_ptr<AVTXContext, Free> context;
    av_tx_fn run = nullptr;
    bool Open(int lines);
  };

  void Short(const float* in);
  void Sort(const Grid& grid, float* lines) const;

  Mdct long_, short_;
  alignas(64) std::array<float, kWindowSamples> windowed_;
  alignas(64) std::array<float, kFrameLines> unsorted_;  // of short windows, one after the other
};

}  // namespace xg2g::aac
