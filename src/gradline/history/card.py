"""The records of a store: a version, and what was said of one later."""

from datetime import datetime
from typing import Annotated, Any, NotRequired, TypedDict

from msgspec import Meta

from gradline.core.card import Count, Digest, Fingerprint, Number, Option, Text
from gradline.history import names
from gradline.model.card import HoldoutCard, Scale, Solver
from gradline.model.status import Status

Ordinal = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class ModelFacts(TypedDict):
    """What `models.described` knows of a model."""

    targets: list[Text]
    features: list[Text]
    bias: bool
    solver: Solver
    settings: dict[Text, Any]
    lr: Number
    epochs: Count | None
    batch_size: Count | None
    momentum: Number
    scale: Scale
    objective: Text
    status: Status
    loss: Number
    optimal_loss: Number
    gap: Number
    digits: Number
    rmse: list[Number]
    r2: list[Number]
    rows: Count
    dropped: Count
    holdout: HoldoutCard | None
    fingerprint: Fingerprint | None
    config: dict[Text, Option]
    moments: bool
    penalty: NotRequired[Number]


class EnvironmentCard(TypedDict):
    """Where it ran; `requirements` is the digest of a list."""

    python: Text
    platform: Text
    builds: dict[Text, Text]
    requirements: Digest


class CodeCard(TypedDict):
    """The Git commit, None before the first; the branch, None where detached."""

    commit: Text | None
    branch: Text | None
    clean: bool


class VersionRecord(TypedDict):
    """`Version`, as it was recorded."""

    when: Annotated[datetime, Meta(tz=True)]
    message: Text
    files: dict[Text, Digest]
    models: dict[Text, ModelFacts]
    environment: EnvironmentCard
    code: CodeCard | None
    notebook: Text | None
    logged: dict[Text, Text | dict[Text, Any]]


class MarkRecord(TypedDict):
    """A note, a tag or another mark of a version; a newer gradline may know more kinds than `version` does."""

    version: Ordinal
    kind: Text
    text: Text


def fault_between(record: VersionRecord) -> str | None:
    """What does not go together in a record whose types are right; None where all does."""
    for path, facts in record["models"].items():
        if path not in record["files"]:
            return f"models: {path!r:.60} is none of its files"
        if not len(facts["targets"]) == len(facts["rmse"]) == len(facts["r2"]):
            return f"models: {path!r:.60} has not one rmse and r2 for each target"
    for path in record["files"]:
        if fault := names.fault_of(path):
            return f"files: {path!r:.60} {fault}"
    for kind in ("dataset", "hyperparams", "metrics"):
        if isinstance(record["logged"].get(kind, {}), str):
            return f"logged.{kind}: expected object, got str"
    return None
