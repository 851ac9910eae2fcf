"""The command line: the entry point of `gradline COMMAND`; `commands.py` has the table of the commands."""

import atexit
import codecs
import gc
import io
import os
import sys
import warnings


def main() -> None:
    """The entry point of the `gradline` command: what must be set before anything loads, then the command."""
    # Rows are decoded on all cores; BLAS threads beside them would fight for the same ones, and on a busy
    # machine lose seconds. NumPy reads this when it loads.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")
    os.environ["RUST_BACKTRACE"] = (
        "0"  # of polars' threads: a damaged Parquet file is refused in words of ours
    )
    # Row groups of Parquet that are decoded long before their turn take memory, and its pages a tenth of the time;
    # one at a time would leave a core idle.
    os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "2")
    # Comes with nbdime, by jsonschema, and takes two seconds to load; the addresses that it checks no schema here has.
    sys.modules.setdefault("rfc3987_syntax", None)  # pyright: ignore[reportArgumentType]
    _open_streams()
    # A summary has letters (R², θ) that an ASCII terminal refuses; UTF-8 is what nearly all of them show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = codecs.lookup(stream.encoding).name
            stream.reconfigure(encoding="utf-8" if encoding == "ascii" else encoding, errors="replace")
    # Imports make objects that stay. To look for garbage among them, again and again and once more at the
    # end, took half of a small fit's time.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    # NumPy's word for an overflow says nothing of which column: what is not finite is refused, or judged, in ours.
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    # What libraries tell on the way to an object store, where the refusal tells the same in a sentence.
    warnings.filterwarnings("ignore", message=".*region' not set")
    os.environ.setdefault("RUST_LOG", "off")
    from gradline.cli.commands import asked_for  # noqa: PLC0415 - after what is set above
    from gradline.cli.mistyped import run  # noqa: PLC0415
    from gradline.cli.terminal import flush, refuse  # noqa: PLC0415
    from gradline.core.cleanup import end_cleanly_by_signals  # noqa: PLC0415

    end_cleanly_by_signals()
    try:
        run(asked_for(sys.argv[1:]), refuse)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):  # typer's 1 for a help that nobody read to its end
            raise SystemExit(0) from None
        raise
    finally:
        flush()


def _open_streams() -> None:
    """Give what was closed, as by `>&-`, to nowhere: else the next file opened would get its number, and its lines."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(
                os.open(os.devnull, os.O_RDWR), True
            )  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as we run
