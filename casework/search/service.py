from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.cases.queries import SUMMARY
from casework.people import names
from casework.search import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casework.kernel.database import Session
    from casework.search.schemas import CaseSearchCreate

LEAST_SCORE = 55.0
"""Below it two names only share letters (tests/search/test_recall.py)."""


async def search(session: Session, asked: CaseSearchCreate) -> list[dict[str, Any]]:
    """The people within reach who may be the one asked for, the closest name first. Raises KeyAway."""
    filters = asked.model_dump(include={"status", "programme", "region"}, exclude_none=True)
    tokens = session.blind.tokens(names.features([asked.name])) if asked.name is not None else None
    exact = asked.identifier
    blind = session.blind.exact(exact.type, names.identifier(exact.value)) if exact else None
    rows = await queries.candidates(session, tokens, blind, filters)
    found = [_found(session, asked.name, row) for row in rows]
    close = [one for one in found if one["score"] >= LEAST_SCORE]
    close.sort(key=lambda one: (-one["score"], one["person_id"]))
    return close[: asked.limit]


def _found(session: Session, name: str | None, row: tuple[Any, ...]) -> dict[str, Any]:
    person_id, _, sealed, kek_id, wrapped, version, *case = row
    score = 100.0
    if name is not None:
        key = session.keyring.unwrap(person_id, kek_id, wrapped, version)
        score = closeness(name, key.open("persons/sealed_name", person_id, sealed))
    return {"person_id": person_id, "score": score, "case": dict(zip(SUMMARY, case, strict=True))}


def closeness(asked: str, name: Mapping[str, Any]) -> float:
    """0 to 100: the nearest form of the name, in letters or in sounds, whatever the order of its words."""
    from rapidfuzz import fuzz

    wanted, best = names.latin(asked), 0.0
    wanted_sounds = _sounds(wanted)
    for form in names.forms(name):
        plain = names.latin(form)
        letters = max(
            fuzz.token_sort_ratio(wanted, plain),
            fuzz.token_set_ratio(wanted, plain) * 0.95,
            # Particles are joined or not: Al-Zafirelle, Alzafirelle.
            fuzz.ratio(wanted.replace(" ", ""), plain.replace(" ", "")),
        )
        sounds = fuzz.token_sort_ratio(wanted_sounds, _sounds(plain))
        best = max(best, 0.6 * letters + 0.4 * sounds)
    return round(best, 1)


def _sounds(plain: str) -> str:
    return " ".join(names.sound(word) or word for word in plain.split())
