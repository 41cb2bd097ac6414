from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent


def unknown_notice(*pointers: str) -> InvalidContent:
    """Nobody was given a text that does not exist."""
    text = Text(
        "Aucun avis de cette version n'existe dans cette langue à cette date ; voyez /v1/consent-notices.",
        "No notice of this version exists in this language on that day; see /v1/consent-notices.",
    )
    return InvalidContent(errors=[Fault(text, "unknown_notice", pointer=pointer) for pointer in pointers])
