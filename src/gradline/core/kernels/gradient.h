/* The sums of `gradient.c`, for other loops that need them. */

#pragma once

#include "pairs.h"

int64_t EXPORT(gradient_room)(int64_t p, int64_t m);
void EXPORT(gradient)(const int64_t *addresses, const int64_t *lengths, const double *w, const double *scales,
                      const double *units, const double *center, const double *theta, double *found, double *place,
                      int64_t pieces, int64_t n, int64_t p, int64_t k, int64_t step, int64_t other_step);
