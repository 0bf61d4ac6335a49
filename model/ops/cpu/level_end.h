// End of the code that level_begin.h started. No include guard on purpose.
#pragma GCC pop_options
