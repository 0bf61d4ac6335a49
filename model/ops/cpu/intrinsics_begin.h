// Start of code that calls GCC's intrinsics, some of which start from undefined registers; intrinsics_end.h ends it. No
// include guard on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
