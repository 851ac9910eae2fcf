"""A configuration file: a command's options as TOML, read for `--config` and written by `show --config`."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradline.cli.options import Option, options_of
from gradline.core.errors import FileError, UsageError
from gradline.core.text import listed, nearest

# What TOML may hold for a type of ours.
_KINDS = {
    str: (str,),
    Path: (str,),
    int: (int,),
    float: (float, int),
    bool: (bool,),
    Sequence[str]: (list, str),
}
_BARE = re.compile("[A-Za-z0-9_-]+")
_WORDS = {
    str: "text",
    list: "a list of names",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def read(path: Path, record: type) -> dict[str, Any]:
    """The options in a TOML file, each checked for its name and type. Raises `UsageError` for a wrong one."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            "file-unreadable", f"cannot read {path}: {error.strerror}", "check the name and the folder"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("config-unreadable", f"{path} is no TOML file: {error}", "mend the line") from error
    known = [option for option in options_of(record) if option.flag.in_file]
    by_key = {key: option for option in known for key in option.keys}
    options = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in by_key:
            names = [option.name for option in known]
            raise UsageError(
                "config-name-unknown", f"{path} sets {name}", nearest(name, names, "the options are")
            )
        if by_key[name].name in options:
            raise UsageError(
                "config-name-twice",
                f"{path} sets {by_key[name].name} in two ways",
                "keep one of the two lines",
            )
        options[by_key[name].name] = _checked(by_key[name], value, path)
    return options


def _checked(option: Option, value: Any, path: Path) -> Any:
    """The value if it has a type of the option; a single name as a list, where names may be several."""
    kinds = tuple(dict.fromkeys(kind for ours in option.kinds for kind in _KINDS[ours]))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        words = " or ".join(_WORDS[kind] for kind in kinds)
        raise UsageError("config-value-invalid", f"{path} sets {option.name} to {value!r}", f"give {words}")
    if isinstance(value, list) and not all(isinstance(part, str) for part in value):
        raise UsageError(
            "config-value-invalid", f"{path} sets {option.name} to {listed(value)}", "give column names"
        )
    return [value] if list in kinds and isinstance(value, str) else value


def to_toml(options: Mapping[str, Any]) -> str:
    """The options as TOML, as `--config` reads them; None is left out."""
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in options.items() if value is not None)


def _key(name: str) -> str:
    """The name as it stands, or quoted: those of a model's file may be anything."""
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        unseen = {ord(c): f"\\U{ord(c):08x}" for c in escaped if not c.isprintable()}
        return f'"{escaped.translate(unseen)}"'
    return repr(value)
