/* Rows as Python hands them over: where their cells lie. */

#include "vectors.h"

/* Where the rows lie. Their k columns come in pieces of `lengths` rows and begin at `addresses` (pieces, k), without
   gaps; or in one piece whose rows have no gaps, the first p cells `step` bytes from those of the next row, the others
   `other_step`. */
typedef struct {
    const int64_t *addresses, *lengths;
    int64_t pieces, rows, p, k, step, other_step;
} table;

INLINE int by_rows(const table *t) { return t->step != sizeof(double); }

INLINE const char *cell(const table *t, int64_t piece, int64_t row, int64_t column) {
    return (const char *)t->addresses[piece * t->k + column] + row * (column < t->p ? t->step : t->other_step);
}
