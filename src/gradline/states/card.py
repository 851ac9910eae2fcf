"""The card of a part, as it stands beside its tensors."""

from typing import TypedDict

from gradline.core.card import Count, Fingerprint, Size, Text


class PartCard(TypedDict):
    """Counts, the levels that were met, and the fingerprint of the rows where all were read by one design."""

    levels: dict[Text, list[Text] | None]
    rows: Count
    weight_sum: Size
    fingerprint: Fingerprint | None
    dropped: Count
    missing: dict[Text, Count]
