"""A state as people name it: the folder of a ledger, or the file of moments."""

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError
from gradline.data.selection import Selection
from gradline.moments.state import Moments
from gradline.states.ledger import States
from gradline.states.receipts import Receipt


def opened(name: str | os.PathLike[str]) -> States | Moments:
    """The ledger in a folder, or the state in a file. Raises `FileError` where there is neither."""
    path = Path(name)
    if path.is_dir():
        states = States(path)
        if states.recipe is None:
            raise FileError(
                "no-ledger",
                f"the folder {name} is no ledger",
                "make one: gradline moments make DATA -t COLUMN --states DIR",
            )
        return states
    return Moments.load(path)


def as_state(data: Any) -> States | Moments | None:
    """The state that the data name, where they name one: a folder with a recipe in it, or a file of tensors."""
    if not isinstance(data, (str, os.PathLike)):
        return None
    path = Path(data)
    is_state = path.suffix == ".safetensors" if path.is_file() else (path / "recipe.json").is_file()
    return opened(path) if is_state else None


def entered(
    folder: str | os.PathLike[str],
    selection: Selection,
    *,
    engine: str = "threads",
    exact: bool = False,
    shard: tuple[int, int] | None = None,
) -> tuple[States, Receipt]:
    """The ledger in a folder, after an update with the data and the choice of a selection, and its receipt."""
    choice = {one.name: getattr(selection, one.name) for one in fields(Selection)}
    data, targets = choice.pop("data"), choice.pop("targets")
    states = States(folder)
    return states, states.update(data, targets, engine=engine, exact=exact, shard=shard, **choice)


def moments_of(state: States | Moments) -> Moments:
    """The moments of all rows of a state."""
    return state.total() if isinstance(state, States) else state
