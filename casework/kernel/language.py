"""French first: which of the two languages a caller reads, and texts that exist in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Language = Literal["fr", "en"]


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for people, in both languages."""

    fr: str
    en: str

    def to(self, language: Language) -> str:
        return self.en if language == "en" else self.fr


def preferred(accept_language: str | None) -> Language:
    """The better ranked of `fr` and `en` (RFC 9110 §12.5.4); French when neither is named or both tie."""
    best: tuple[float, Language] = (0.0, "fr")
    for part in (accept_language or "")[:200].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.split("-")[0].strip().lower()
        quality = _quality(parameters)
        if primary == "en" and quality > best[0]:
            best = (quality, "en")
        elif primary == "fr" and quality >= best[0] and quality > 0:
            best = (quality, "fr")
    return best[1]


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
