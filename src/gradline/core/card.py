"""Cards, the JSON beside tensors and in a store: what one may hold is said once, as types, and checked on reading."""

from typing import Annotated, Any

import msgspec

# JSON has no word for infinity and NaN: a float is finite, and what is not is null where a type allows that.
Text = Annotated[
    str, msgspec.Meta(max_length=1 << 20)
]  # a name, a level, a sentence: none is a megabyte long
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Size = Annotated[float, msgspec.Meta(ge=0.0)]
Number = float | None
Magnitude = Size | None
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]  # a sha256 in hex
Fingerprint = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
Option = (
    Text | float | bool | list[Text | float | bool | None] | None
)  # of a command: what TOML and flags can say


def parsed(text: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError` for what is none, also for numbers beyond float64."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error


def fault_of(card: Any, schema: Any) -> str | None:
    """Where the card is not made as the types of `schema` say, and what is wrong there; None where it is."""
    try:
        msgspec.convert(card, schema)
    except (msgspec.ValidationError, RecursionError) as error:
        said, _, place = str(error).replace("`", "").partition(" - at $")
        said = said[0].lower() + said[1:]
        return f"{place.lstrip('.')}: {said}" if place else said
    return None
