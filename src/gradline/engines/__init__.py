"""Who does the work on many units of rows: an engine for each kind of machine, all with the same answer to the bit."""

from importlib import import_module

from gradline.core.errors import UsageError
from gradline.core.text import nearest
from gradline.engines.engine import Engine

# The file of each engine, and its class: loaded when it is asked for, since some bring a library of their own.
ENGINES = {
    "threads": ("gradline.engines.threads", "Threads"),
    "ray": ("gradline.engines.ray", "Ray"),
    "cuda": ("gradline.engines.cuda", "Cuda"),
}


def engine_of(asked: str | Engine) -> Engine:
    """The engine of this name with its defaults, or the engine itself. Raises `UsageError` for an unknown name."""
    if isinstance(asked, Engine):
        return asked
    if asked not in ENGINES:
        raise UsageError(
            "engine-unknown",
            f"there is no engine {asked!r}",
            nearest(asked, list(ENGINES), "the engines are"),
        )
    file, kind = ENGINES[asked]
    return getattr(import_module(file), kind)()
