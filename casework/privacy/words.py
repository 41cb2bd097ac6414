"""Codes in words that a person reads, both languages: `data/words.csv`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from casework.kernel.language import Text
from casework.kernel.reference_table import refuse_duplicates, rows

WORDS = files("casework.privacy") / "data" / "words.csv"


@cache
def words() -> dict[str, Text]:
    read = [(row, row.text("code")) for row in rows(WORDS, ("code", "fr", "en"))]
    refuse_duplicates(read)
    return {code: Text(row.text("fr"), row.text("en")) for row, code in read}


def word(code: str) -> Text | str:
    """The code itself where no word is known: nothing held is left out for want of a translation."""
    return words().get(code, code)
