"""The names of months in the languages that files are written in, for readers that know the English ones."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

ENGLISH = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# English, German, French, Spanish, Italian, Portuguese and Dutch: no name stands for two months.
_NAMES = (
    "january jan januar jänner jän janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar feber février fevrier févr fevr fév febrero febbraio fevereiro fev februari",
    "march mar märz maerz mär mrz mars marzo março marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août aout agosto ago augustus",
    "september sep sept septembre septiembre setiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro",
)
_MONTHS = {name: place for place, names in enumerate(_NAMES) for name in names.split()}
# The longest first, as an alternation takes the first that fits.
ANY = rf"(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
_AROUND = rf"(?is)^(|.*?\P{{L}})({ANY})(|\P{{L}}.*)$"


def in_english(text: "pl.Series", form: str) -> "pl.Series":
    """The cells with the first month in them as English has it, in full or in three letters as the form wants it.

    A point behind an abbreviated name is left away, unless the form has one there. English names stay as they are, as
    the reader tells full ones from those of three letters.
    """
    if not re.search("%[bB]", form):
        return text
    length = 3 if "%b" in form else None
    english = {
        name: ENGLISH[place][:length] for name, place in _MONTHS.items() if name.title() not in ENGLISH
    }
    before, name, after = (text.str.extract(_AROUND, group) for group in (1, 2, 3))
    if not re.search(r"%[bB]\.", form):
        after = after.str.replace(r"^\.", "")
    found = before + name.str.to_lowercase().replace(english) + after
    return found.zip_with(found.is_not_null(), text)
