"""What a test expects gradline to refuse or to warn of: by its code, and by the values that the message must show."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gradline.core.errors import GradlineError, GradlineWarning


@contextmanager
def refused(
    code: str, *shown: object, kind: type[GradlineError] = GradlineError
) -> Iterator[pytest.ExceptionInfo[GradlineError]]:
    """A block that must end in the refusal of this code, whose message shows these values."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code, caught.value
    expect_shown(str(caught.value), shown)


@contextmanager
def warned(code: str, *shown: object) -> Iterator[pytest.WarningsRecorder]:
    """A block that must warn under this code and show these values; beside it only of training that stopped."""
    with pytest.warns(GradlineWarning) as told:
        yield told
    found = [one.message for one in told if isinstance(one.message, GradlineWarning)]
    found = [one for one in found if one.code == code or one.code != "training-stopped"]
    assert {one.code for one in found} == {code}
    expect_shown(" ".join(map(str, found)), shown)


def expect_refusal(told: str, code: str, *shown: object) -> None:
    """A command said on stderr that it refused with this code, which `--json` and `--debug` tell, and these values."""
    last = told.splitlines()[-1]
    if last.startswith("{"):
        error = json.loads(last)["error"]
        found, said = error["code"], f"{error['cause']}. {error['remedy']}"
    else:
        said, _, found = told.rpartition("gradline: ")[2].rstrip("\n").rpartition("\n  code: ")
    assert found == code, told
    expect_shown(said, shown)


def expect_shown(text: str, shown: tuple[object, ...]) -> None:
    """Each value stands in the text as a word of its own."""
    for value in shown:
        assert re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", text), (value, text)
