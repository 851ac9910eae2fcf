"""Writes the API reference: a Markdown page for each public face, from signatures and docstrings alone.

`docs/build.py` calls it for each build of the site; the pages in `reference/` are not kept. What a page says is
mended in the docstring that it shows.
"""

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Unpack, get_args, get_origin

FACES = (
    "gradline",
    "gradline.pytorch",
    "gradline.linear_model",
    "gradline.plots",
    "gradline.history",
    "gradline.mlflow",
    "gradline.spark",
    "gradline.sql",
)
PAGES = Path(__file__).parent / "reference"
SHORT = 80  # characters that fit a line of the site
EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)
LIST_AFTER_TEXT = re.compile(r"^(?!\s*- )(?!  )(\S.*)\n(?=- )", re.MULTILINE)


def names(face: ModuleType) -> list[str]:
    """The public names of a face by the alphabet; what only another program calls is left out."""
    return sorted(
        (name for name in face.__all__ if not re.match("_(?!_)", name)),
        key=str.lower,
    )


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """The documented methods and properties of a class, those that it inherits within gradline included."""
    seen = {}
    for base in cls.__mro__:
        if base.__module__.startswith("gradline"):
            for name, member in vars(base).items():
                seen.setdefault(name, member)
    for name, member in seen.items():
        if not name.startswith("_") and callable_of(member) is not None:
            yield name, member


def callable_of(member: Any) -> Any:
    """The function behind a method or property, None for a plain value."""
    if isinstance(member, (classmethod, staticmethod)):
        return member.__func__
    if isinstance(member, property):
        return member.fget
    if isinstance(member, cached_property):
        return member.func
    return member if inspect.isfunction(member) else None


def signature(name: str, function: Any) -> str:
    """How it is called, an argument a line where one line would be too long."""
    try:
        found = inspect.signature(function)
    except ValueError:  # a built-in's, such as that of a warning
        return f"{name}(…)"
    shown = [
        one
        for one in found.parameters.values()
        if one.name not in ("self", "cls")
    ]
    arguments = [text for one in shown for text in declared(one)]
    kinds = [one.kind for one in shown]
    by_name = inspect.Parameter.KEYWORD_ONLY
    if by_name in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        arguments.insert(kinds.index(by_name), "*")
    result = "" if inspect.isclass(function) else annotated(found)
    line = f"{name}({', '.join(arguments)}){result}"
    if len(line) <= SHORT:
        return line
    lines = "".join(f"    {one},\n" for one in arguments)
    return f"{name}(\n{lines}){result}"


def declared(one: inspect.Parameter) -> list[str]:
    """An argument as it is declared; those that a typed `**` stands for, each by its name."""
    stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
    if get_origin(one.annotation) is Unpack:
        (choices,) = get_args(one.annotation)
        fields = choices.__annotations__.items()
        return [f"{name}: {readable(kind)} = …" for name, kind in fields]
    text = f"{stars}{one.name}"
    if one.annotation is not one.empty:
        text += f": {readable(one.annotation)}"
    if one.default is not one.empty:
        text += f" = {written(one.default)}"
    return [text]


def written(default: Any) -> str:
    """A default as it is written, a function by its name."""
    if isinstance(default, str):
        return json.dumps(default)
    return default.__name__ if inspect.isroutine(default) else repr(default)


def annotated(found: inspect.Signature) -> str:
    """What comes back, with its arrow."""
    if found.return_annotation is found.empty:
        return ""
    return f" -> {readable(found.return_annotation)}"


def readable(annotation: Any) -> str:
    """A type by its last name, without the quotes of one that is written ahead."""
    text = (
        annotation
        if isinstance(annotation, str)
        else inspect.formatannotation(annotation)
    )
    return re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z])", "", text.replace("'", ""))


def markdown(docstring: str) -> str:
    """A docstring as Markdown: lists stand apart from the sentence before them, examples in a box."""
    text = LIST_AFTER_TEXT.sub(r"\1\n\n", docstring)
    return EXAMPLE.sub(
        lambda found: f"```pycon\n{found[0].rstrip()}\n```", text
    )


def entry(face: str, name: str, thing: Any) -> str:
    """A public name: how it is called, what it says of itself, where it lives, and its members."""
    title = f"## {name} {{ #{face}.{name} }}\n\n"
    if not callable(thing):
        return f"{title}`{thing!r}`\n"
    home = thing.__module__.replace(".", "/")
    parts = [
        title,
        f"```python\n{signature(name, thing)}\n```\n\n",
        markdown(inspect.getdoc(thing) or ""),
        f"\n\nSource: `src/{home}.py`\n",
    ]
    for member, value in members(thing) if inspect.isclass(thing) else ():
        function = callable_of(value)
        called = f"{name}.{member}"
        shown = (
            called
            if isinstance(value, (property, cached_property))
            else signature(called, function)
        )
        parts.append(
            f"\n### {member} {{ #{face}.{called} }}\n\n```python\n{shown}\n```\n\n"
        )
        parts.append(markdown(inspect.cleandoc(function.__doc__ or "")) + "\n")
    return "".join(parts)


def page(face: str) -> str:
    """The page of a face."""
    module = importlib.import_module(face)
    entries = [
        entry(face, name, getattr(module, name)) for name in names(module)
    ]
    return "\n".join([f"# {face}\n", f"{inspect.getdoc(module)}\n", *entries])


def linked(text: str) -> str:
    """The page with each mention of a public name, such as `gradline.fit`, leading to its entry."""
    known = {
        f"{face}.{name}"
        for face in FACES
        for name in names(importlib.import_module(face))
    }

    def link(found: re.Match[str]) -> str:
        face = found[1].rpartition(".")[0]
        return (
            f"[`{found[1]}{found[2]}`]({face}.md#{found[1]})"
            if found[1] in known
            else found[0]
        )

    return re.sub(
        r"(?<!`)`(gradline(?:\.\w+)+)((?:\([^`\n]*\))?)`(?!`)", link, text
    )


def write(folder: Path = PAGES) -> None:
    """Write the pages of all faces."""
    folder.mkdir(exist_ok=True)
    for face in FACES:
        (folder / f"{face}.md").write_text(linked(page(face)))
