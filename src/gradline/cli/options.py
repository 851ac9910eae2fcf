"""What the fit's flags and its configuration file hold, merged into one request."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError, UsageError
from gradline.core.text import listed, nearest
from gradline.model.fit import Request
from gradline.solvers import named

_KINDS: dict[str, tuple[type, ...]] = {
    "data": (str,),
    "targets": (list, str),
    "features": (list, str),
    "exclude": (list, str),
    "solver": (str,),
    "lr": (float, int, str),
    "epochs": (int,),
    "batch_size": (int,),
    "momentum": (float, int),
    "shuffle": (bool,),
    "init": (str,),
    "decay": (str,),
    "dtype": (str,),
    "seed": (int,),
    "bias": (bool,),
    "scale": (str,),
    "weights": (str,),
    "holdout": (float, int),
    "missing": (str,),
    "digits": (float, int),
    "force": (bool,),
    "memory": (str, int),
    "log_every": (int,),
    "require_certified": (bool,),
    "output": (str,),
}
_WORDS = {
    str: "text",
    list: "a list of names",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}
_ALIASES = {"target": "targets", "feature": "features"}  # the flags are singular
_SETTINGS = ("lr", "epochs", "batch_size", "momentum", "shuffle", "init", "decay", "dtype", "digits", "seed")
_REQUEST = ("bias", "scale", "weights", "holdout", "missing", "force", "seed", "memory")


@dataclass(frozen=True)
class FitOptions:
    """The data, the targets and the request of one fit, and what is to become of the model."""

    data: str
    targets: list[str]
    request: Request
    log_every: int
    require_certified: bool
    output: Path | None

    @classmethod
    def merged(cls, flags: Mapping[str, Any], config: Path | None) -> "FitOptions":
        """The options: a flag that was given wins over the file. Raises `UsageError` for a wrong one."""
        given = {name: value for name, value in flags.items() if value is not None and value != []}
        options = {**(_read(config) if config else {}), **given}
        if "data" not in options:
            raise UsageError(
                "no-data-named",
                "no data were named",
                "give a file, a folder or example:crops: gradline fit DATA -t …",
            )
        if options.get("log_every", 0) < 0:
            raise UsageError(
                "log-every-invalid",
                f"log_every is {options['log_every']}",
                "give a whole number from 0 (0: never)",
            )
        names = {name: _names(options.get(name)) for name in ("targets", "features", "exclude")}
        settings = {name: options[name] for name in _SETTINGS if name in options}
        if "lr" in settings:
            settings["lr"] = rate(settings["lr"])
        request = Request(
            features=names["features"] or None,
            exclude=names["exclude"],
            solver=named(options.get("solver", "auto"), settings),
            **{name: options[name] for name in _REQUEST if name in options},
        )
        return cls(
            options["data"],
            names["targets"],
            request,
            log_every=options.get("log_every", 0),
            require_certified=options.get("require_certified", False),
            output=Path(options["output"]) if "output" in options else None,
        )


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def rate(value: Any) -> float | str:
    """A learning rate as the user wrote it: a number, or "auto"."""
    if value == "auto":
        return "auto"
    try:
        return float(value)
    except ValueError as error:
        raise UsageError("lr-invalid", f"lr is {value!r}", "give a positive number, or auto") from error


def _read(path: Path) -> dict[str, Any]:
    """The options in a TOML file, each checked for its name and type."""
    import tomllib  # noqa: PLC0415 - only a file needs it

    try:
        options = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror}", "check the name and the folder"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("config-unreadable", f"{path} is no TOML file: {error}", "mend the line") from error
    options = {_ALIASES.get(name, name): value for name, value in _underscored(options).items()}
    for name, value in options.items():
        if name not in _KINDS:
            raise UsageError(
                "config-name-unknown", f"{path} sets {name}", nearest(name, list(_KINDS), "the options are")
            )
        right = isinstance(value, _KINDS[name]) and (isinstance(value, bool) <= (bool in _KINDS[name]))
        if not right:
            kinds = " or ".join(dict.fromkeys(_WORDS[kind] for kind in _KINDS[name]))
            raise UsageError("config-value-invalid", f"{path} sets {name} to {value!r}", f"give {kinds}")
        if isinstance(value, list) and not all(isinstance(part, str) for part in value):
            raise UsageError(
                "config-value-invalid", f"{path} sets {name} to {listed(value)}", "give column names"
            )
    return options


def _underscored(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in options.items()}


def to_toml(options: Mapping[str, Any]) -> str:
    """The options as TOML, as `--config` reads them; None is left out."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in options.items() if value is not None)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        controls = {ord(c): f"\\u{ord(c):04x}" for c in escaped if ord(c) < 32 or ord(c) == 127}
        return f'"{escaped.translate(controls)}"'
    return repr(value)
