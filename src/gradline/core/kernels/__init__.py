"""Compiled loops, each with a NumPy twin that it is tested against; `compiled` decides when they load.

Here is what their callers must know, and numba is not needed for: their signatures, and how much is done at once.
"""

SIDE = 4  # columns by as many columns whose products are summed in registers
SAMPLE = 128  # rows that say near enough where the mean is: each is a line of memory for every column
VECTOR = 64  # bytes; rows and weights of mini-batches are filled up to whole vectors
GATHERED = 32  # rows of mini-batches side by side: with as many sent for they stay in the first cache
AHEAD = 2 * GATHERED  # row numbers known at least before a gathering: for its rows, and for those to send for
DRAWN = 384  # row numbers drawn together

_DESCEND = (
    "{0}* {0}* {0}* uint32* {0}* float64* "
    "int64 int64 int64 int64 int64 int64 int64 int64 int64 float64 float64 float64 float64"
)

# What each returns and takes; the arrays first, then their shapes. The functions are in `entries`.
SIGNATURES = {
    "lanes": ("int64", ""),
    "gram_room": ("int64", "int64 int64 int64"),
    "gram": (
        "uint64",
        "int64* int64* float64* float64* float64* int64 int64 int64 int64 int64 int64 int64 int64",
    ),
    "hashed": ("uint64", "float64* float64* float64* uint64* int64 int64 int64 int64"),
    "read_numbers": ("uint8", "uint8* int64* float64* int64 int64 int64 int64 uint8"),
    "epoch_room": ("int64", "int64 int64"),
    "sgd_epoch_float64": ("void", _DESCEND.format("float64")),
    "sgd_epoch_float32": ("void", _DESCEND.format("float32")),
}
