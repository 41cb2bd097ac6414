from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from casework.cases.queries import SUMMARY
from casework.people import names
from casework.search import queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casework.kernel.database import Session
    from casework.search.schemas import CaseSearchCreate

LEAST_SCORE = 55.0
"""Below it two names only share letters (tests/search/test_recall.py)."""


async def search(
    session: Session, asked: CaseSearchCreate, after: list[Any] | None
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """One page within reach, and where the next begins: by name the closest first, by filters alone the newest case.

    `after` is the place the page before gave. Raises KeyAway.
    """
    if asked.name is None and asked.identifier is None:
        return await _filtered(session, asked, after)
    close = await _people(session, asked)
    if after is not None:
        score, person_id = after
        close = [one for one in close if (-one["score"], str(one["person_id"])) > (-score, person_id)]
    shown = close[: asked.limit]
    return shown, [shown[-1]["score"], str(shown[-1]["person_id"])] if len(close) > len(shown) else None


async def _filtered(
    session: Session, asked: CaseSearchCreate, after: list[Any] | None
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    rows = await queries.cases_after(session, asked.filters(), UUID(after[0]) if after else None, asked.limit)
    cases = [dict(zip(SUMMARY, row, strict=True)) for row in rows[: asked.limit]]
    found = [{"person_id": None, "score": None, "case": case} for case in cases]
    return found, [str(cases[-1]["id"])] if len(rows) > asked.limit else None


async def _people(session: Session, asked: CaseSearchCreate) -> list[dict[str, Any]]:
    tokens = session.blind.tokens(names.features([asked.name])) if asked.name is not None else None
    exact = asked.identifier
    blind = session.blind.exact(exact.type, names.identifier(exact.value)) if exact else None
    rows = await queries.candidates(session, tokens, blind, asked.filters())
    found = [_found(session, asked.name, row) for row in rows]
    close = [one for one in found if one["score"] >= LEAST_SCORE]
    return sorted(close, key=lambda one: (-one["score"], str(one["person_id"])))


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
