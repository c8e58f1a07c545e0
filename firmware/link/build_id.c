/* The build id, alone in its file: all else is the same in every build for a board. */
#include "tinysine/link.h"

const uint8_t ts_build_id[16] = TS_BUILD_ID;
