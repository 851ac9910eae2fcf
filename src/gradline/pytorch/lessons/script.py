"""A way of the lesson as a program without gradline: in one file, or in three as projects keep them."""

import ast
from collections.abc import Mapping

from gradline.core.text import printable
from gradline.pytorch.lessons.ways import STEPS, ColumnNames, Way

_TITLE = "Linear regression by gradient descent"
_OF_DATA = ("dtype", "device", "batch_size", "shuffle", "seed")  # settings that the rows need, too


def script(way: Way, values: Mapping[str, str], names: ColumnNames, log_every: int) -> str:
    """The way as one program: `values` holds the source text of each name it needs."""
    return _joined(
        f'"""{_TITLE}: {way.summary}."""',
        way.imports,
        f"{_rows(values, names)}\n{_settings(way, values)}",
        way.data,
        way.model,
        _loop(way, log_every),
    )


def files(way: Way, values: Mapping[str, str], names: ColumnNames, log_every: int) -> dict[str, str]:
    """The same program as `configuration.py`, `data.py` and `training.py`, which runs it: `python training.py`."""
    settings = _joined(_settings(way, values), way.model)
    configuration = _joined(
        f'"""{_TITLE}: settings, model and optimiser."""', _libraries(way, settings), settings
    )
    body = _joined(_rows(values, names), way.data)
    own = _imported({"configuration": configuration}, body)
    data = _joined(f'"""{_TITLE}: the rows."""', _libraries(way, body), own, body)
    loop = _loop(way, log_every)
    own = _imported({"configuration": configuration, "data": data}, loop)
    training = _joined(f'"""{_TITLE}: {way.summary}."""', _libraries(way, loop), own, loop)
    return {"configuration.py": configuration, "data.py": data, "training.py": training}


def _joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _rows(values: Mapping[str, str], names: ColumnNames) -> str:
    return f"X = {values['X']}  # {_comment(names.features)}\nY = {values['Y']}  # {_comment(names.targets)}"


def _settings(way: Way, values: Mapping[str, str]) -> str:
    """What the program mentions of its settings; the loop needs `epochs`."""
    text = " ".join(str(part) for part in vars(way).values())
    used = {name for name in ("W0", "b0", "lr", *_OF_DATA) if name in text} | {"epochs"}
    return "\n".join(f"{name} = {value}" for name, value in values.items() if name in used)


def _loop(way: Way, log_every: int) -> str:
    body = "\n".join(f"# {i}. {name.capitalize()}\n{way.step(i)}" for i, name in enumerate(STEPS, 1))
    loop = f"{way.loop}\n{_indented(body)}" if way.loop else body
    epoch = f"""\
{loop}
# The loss over all rows, after the update
{way.report}
if (epoch + 1) % {log_every} == 0:
    print(f"Epoch [{{epoch + 1}}/{{epochs}}], loss {{epoch_loss:.4f}}")"""
    return f"""\
{way.report}
print(f"Before training, loss {{epoch_loss:.4f}}")
for epoch in range(epochs):
{_indented(epoch)}
print("weight", {way.weight}.tolist())
print("bias", {way.bias}.tolist())"""


def _libraries(way: Way, code: str) -> str:
    """The imports of the way that the code uses."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return "\n".join(line for line in way.imports.splitlines() if used & _bound(line))


def _bound(line: str) -> set[str]:
    """The names that an import makes."""
    (made,) = ast.parse(line).body
    assert isinstance(made, (ast.Import, ast.ImportFrom))
    return {name.asname or name.name.split(".")[0] for name in made.names}


def _imported(modules: Mapping[str, str], code: str) -> str:
    """A line for each module that defines names which the code uses and does not import by itself."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    lines = []
    for module, text in modules.items():
        names = sorted(_defined(text) & used, key=lambda name: (name.lower(), name))
        if names:
            lines.append(f"from {module} import {', '.join(names)}")
    return "\n".join(lines)


def _defined(text: str) -> set[str]:
    """The names that a module defines itself."""
    found: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {
                part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)
            }
    return found


def _comment(names: tuple[str, ...]) -> str:
    return printable(", ".join(names))


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in code.splitlines())
