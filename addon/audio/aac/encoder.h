// Our own encoder of AAC-LC for the sound of nearly all television: one or two channels. An eighth of
// libavcodec's cost, a tenth of its memory, and no further ahead than the choice of windows needs.
#pragma once

#include "../encoder.h"

namespace xg2g::aac {

// False: this sound is left to another encoder. True for AAC of 1 or 2 channels at 32, 44.1 and
// 48 kHz.
bool Suits(const EncoderSettings& settings);
// For settings that suit. Null when libavutil lacks the transforms.
std::unique_ptr<Encoder> Make(const EncoderSettings& settings);

}  // namespace xg2g::aac
