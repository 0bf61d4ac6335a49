// End of the code that intrinsics_begin.h started. No include guard on purpose.
#pragma GCC diagnostic pop
