/* The engine's means and maxima for a library of this computer. */
#include "engine/reduce.h"

void mean(const struct ts_reduction *layer, const int8_t *input, int8_t *output, const struct ts_mean *scale);
void greatest(const struct ts_reduction *layer, const int8_t *input, int8_t *output);

void mean(const struct ts_reduction *layer, const int8_t *input, int8_t *output,
          const struct ts_mean *scale) {
    ts_mean_s8(layer, input, output, scale);
}

void greatest(const struct ts_reduction *layer, const int8_t *input, int8_t *output) {
    ts_reduce_max_s8(layer, input, output);
}
