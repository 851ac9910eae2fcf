"""The command line: the entry point of `gradline COMMAND`; `commands.py` has the table of the commands."""

import atexit
import codecs
import gc
import io
import os
import sys


def main() -> None:
    """The entry point of the `gradline` command: what must be set before anything loads, then the command."""
    # Rows are decoded on all cores; BLAS threads beside them would fight for the same ones, and on a busy
    # machine lose seconds. NumPy reads this when it loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    # Row groups of Parquet that are decoded long before their turn take memory, and its pages a tenth of the time;
    # one at a time would leave a core idle.
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
    # Comes with nbdime, by jsonschema, and takes two seconds to load; the addresses that it checks no schema here has.
    sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType]
    # A summary has letters (R², θ) that an ASCII terminal refuses; UTF-8 is what nearly all of them show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and codecs.lookup(stream.encoding).name == "ascii":
            stream.reconfigure(encoding="utf-8")
    # Imports make objects that stay. To look for garbage among them, again and again and once more at the
    # end, took half of a small fit's time.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    from gradline.cli.commands import app  # noqa: PLC0415 - after what is set above

    app()
