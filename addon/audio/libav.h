// The one door to libav headers: versions that are supported, and what is set once for the process.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/frame.h>
#include <libavutil/log.h>
#include <libavutil/opt.h>
#include <libavutil/tx.h>
#include <libswresample/swresample.h>
}

// Channel layouts as AVChannelLayout came with FFmpeg 5.1.
#if LIBAVCODEC_VERSION_INT < AV_VERSION_INT(59, 37, 100)
#error "FFmpeg 5.1 or newer is needed (libavcodec 59.37.100)"
#endif

namespace xg2g {

// libav writes to stderr from any thread; what it has to say is counted as decode errors instead.
void QuietLibav();

}  // namespace xg2g
