"""A state as people name it: the folder of a ledger, or the file of moments."""

import os
from pathlib import Path
from typing import Any

from gradline.core.errors import FileError
from gradline.moments.state import Moments
from gradline.states.ledger import States


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


def moments_of(state: States | Moments) -> Moments:
    """The moments of all rows of a state."""
    return state.total() if isinstance(state, States) else state
