"""Fictional households, always the same for the same seed. Names are assembled from invented syllables."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from casework.kernel import clock

_HEADS = (
    "Az",
    "Bel",
    "Cor",
    "Dam",
    "El",
    "Far",
    "Gal",
    "Hes",
    "Ish",
    "Jor",
    "Kal",
    "Lum",
    "Mer",
    "Nor",
    "Ost",
    "Pel",
)
_TAILS = (
    "ariel",
    "ondo",
    "imra",
    "essan",
    "ovar",
    "ukina",
    "eldir",
    "amora",
    "istan",
    "ouka",
    "andré-fictif",
    "evine",
)
_FAMILIES = (
    "Sablonvert",
    "Norvalis",
    "Tarkouine",
    "Ombreval",
    "Zafirelle",
    "Quenorvi",
    "Brumadore",
    "Kestoufa",
    "Lirandèz",
)
_ARABIC = ("نورفال", "سابلون", "تاركوين", "أومبرا", "زفيرال")
_LANGUAGES = ("es", "ar", "fr", "ht", "tr", "sw", "en")
_OCCUPATIONS = ("75101", "63200", "33102", "72106", "65202", "94105", "41220")
# Household sizes of a public resettlement data set (placement.md §4), cut at eight.
_SIZES = (1,) * 45 + (2,) * 11 + (3,) * 13 + (4,) * 13 + (5,) * 11 + (6,) * 4 + (7,) * 2 + (8,)
PLACES = ("10043", "12072", "94068", "93042", "23027", "43027", "47017", "86042", "89008", "49058", "39062")


@dataclass(frozen=True, slots=True)
class Family:
    """The body of one intake and who among its members is an adult."""

    body: dict[str, Any]
    adults: int


def family(seed: int, *, programme: str = "asylum", size: int | None = None, consent: bool = True) -> Family:
    rng = random.Random(f"casework-demo-{seed}")  # noqa: S311 -- replayable, not secret
    surname = rng.choice(_FAMILIES)
    count = size or rng.choice(_SIZES)
    adults = 1 if count == 1 else min(count, rng.choice((1, 2, 2, 2, 3)))
    members = [_member(rng, surname, place, place < adults) for place in range(count)]
    anchor_on = (clock.today() - timedelta(days=rng.randint(5, 240))).isoformat()
    claim = programme == "asylum"
    body: dict[str, Any] = {
        "programme": programme,
        "external_id": f"demo-{programme[:2]}-{seed}",
        "claimed_on" if claim else "undertaking_on": anchor_on,
        "members": members,
        "needs": {"services": rng.sample(["francization", "housing_search", "school_support", "employment"], 2),
                  "bedrooms": min(6, 1 + count // 2)},
        "preferences": {
            "choices": [{"kind": "prefer", "code": code, "rank": rank} for rank, code in enumerate(rng.sample(PLACES, 2), 1)],
            "occupations": [rng.choice(_OCCUPATIONS)],
        },
        "consents": _consents(adults, anchor_on) if consent else [],
        "claim_statuses": [{"status": "acknowledged", "occurred_on": anchor_on, "source": "document vu"}] if claim else [],
    }  # fmt: skip
    return Family(body, adults)


def _member(rng: random.Random, surname: str, place: int, adult: bool) -> dict[str, Any]:
    given = rng.choice(_HEADS) + rng.choice(_TAILS)
    today = clock.today()
    years = rng.randint(20, 58) if adult else rng.randint(1, 16)
    born = date(today.year - years, rng.randint(1, 12), rng.randint(1, 28))
    birth = rng.choice(
        [{"value": born.isoformat(), "precision": "day"}] * 8 + [{"value": f"{born:%Y-%m}", "precision": "month"}]
        + [{"value": f"{born:%Y}", "precision": "year"}]
    )  # fmt: skip
    language = rng.choice(_LANGUAGES)
    person: dict[str, Any] = {
        "relation": "principal" if place == 0 else "spouse" if adult and place == 1 else "other" if adult else "child",
        "name": {"full": f"{given} {surname}", "given": [given], "family": [surname]},
        "birth": birth,
        "languages": [{"code": language, "needs_interpreter": adult and language in {"es", "ar"}}],
    }
    if language == "ar":
        person["name"]["original_script"] = rng.choice(_ARABIC)
    if place == 0:
        person["contact"] = {
            "phone": f"+1 514 555 01{rng.randint(0, 99):02d}",
            "email": f"famille{rng.randint(1, 999)}@exemple.test",
        }
        person["identifiers"] = [{"type": "uci", "value": f"00-{rng.randint(1000, 9999)}-{rng.randint(1000, 9999)}"}]
    return person


def _consents(adults: int, on: str) -> list[dict[str, Any]]:
    return [
        {"member": place, "purpose": purpose, "given": True, "notice_version": "2026-01", "notice_language": "fr",
         "channel": "in_person", "occurred_on": on}
        for place in range(adults)
        for purpose in ("placement", "partner_sharing")
    ]  # fmt: skip
