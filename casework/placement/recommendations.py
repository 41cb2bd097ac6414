"""Recommendations: computed, stored with the words that were shown, explained later from their frozen inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from casework.audit import trail
from casework.authz.guard import key_within_reach
from casework.kernel import clock
from casework.kernel.ids import new_id
from casework.kernel.problems import NotFound
from casework.placement import inputs
from casework.placement.errors import CaseAlreadyAssigned, CaseNotPlaceable, OfferAlreadyOpen
from casework.placement.explain import explain, explain_case, violation_text
from casework.placement.model import ENGINE_VERSION, InvalidInput, Ranking, rank
from casework.placement.models import IS_CURRENT, Recommendation
from casework.placement.reference import default_weights, replay

if TYPE_CHECKING:
    from uuid import UUID

    from casework.authz.caller import Caller
    from casework.kernel.database import Session
    from casework.kernel.language import Language

ASSIGNED = f"SELECT 1 FROM assignments WHERE case_id = %s AND {IS_CURRENT}"
UNDER_HOLD = "SELECT 1 FROM offers WHERE case_id = %s AND status = 'held' AND expires_at > %s"


async def recommend(session: Session, caller: Caller, case_id: UUID, language: Language) -> Recommendation:
    """Rank every place for one case and keep what was shown, in both languages.

    Raises NotFound, CaseNotOpen, CaseNotPlaceable, or OfferAlreadyOpen: a case under a hold is not in the model.
    """
    subject = await inputs.subject_of(session, case_id)
    key = await key_within_reach(session, subject.household_id)
    session.about, session.about_case = key, case_id
    if await session.rows(UNDER_HOLD, (case_id, clock.now())):
        raise OfferAlreadyOpen
    if await session.rows(ASSIGNED, (case_id,)):
        raise CaseAlreadyAssigned
    on = clock.today()
    ranking = rank(subject.needs, await inputs.places(session, on), default_weights(on), on)
    if ranking.not_in_model:
        refuse_case(ranking, language)
    recommendation = Recommendation(
        **subject.bound(), id=new_id(), created_by=caller.actor_id, engine_version=ENGINE_VERSION,
        weights_version=ranking.weights.version, inputs=ranking.frozen_inputs(),
        result={**ranking.result(), "said": _said(ranking)}, sha256=ranking.sha256(),
    )  # fmt: skip
    session.add(recommendation)
    await session.flush()
    ref = key.pseudonym("recommendation", recommendation.id)
    facts = {"recommendation": ref, "sha256": recommendation.sha256}
    trail.record(session, caller, "recommendation.made", facts)
    return recommendation


def refuse_case(ranking: Ranking, language: Language) -> None:
    reasons = [violation_text(ranking, violation) for violation in ranking.not_in_model]
    raise CaseNotPlaceable(
        rules=[str(violation.rule) for violation in ranking.not_in_model],
        reasons=" ".join(text.en if language == "en" else text.fr for text in reasons),
    )


async def recommendation_to(session: Session, recommendation_id: UUID) -> Recommendation:
    query = select(Recommendation).where(col(Recommendation.id) == recommendation_id)
    found = (await session.exec(query)).first()
    if found is None:
        raise NotFound
    return found


def _said(ranking: Ranking) -> dict[str, Any]:
    """Every sentence in both languages: an engine that changes later cannot unsay them (A-2.1, s. 65.2)."""
    return {
        "notices": [text._asdict() for text in explain_case(ranking)],
        "places": [explain(ranking, place.key).as_json() for place in ranking.places],
    }


def shown(recommendation: Recommendation, language: Language) -> dict[str, Any]:
    """The answer's body in the reader's language, from what was stored and nothing else."""
    result = recommendation.result
    places = {place["key"]: place for place in recommendation.inputs["places"]}
    said = {told["place"]: told for told in result["said"]["places"]}
    return {
        "id": recommendation.id, "case_id": recommendation.case_id, "created_at": recommendation.created_at,
        "engine_version": recommendation.engine_version, "weights_version": recommendation.weights_version,
        "sha256": recommendation.sha256, "notices": [text[language] for text in result["said"]["notices"]],
        "ranked": [
            {"rank": position, **_ranked(one, places[one["place"]], said[one["place"]], language)}
            for position, one in enumerate(result["ranked"], start=1)
        ],
        "excluded": [_excluded(one, places[one["place"]], said[one["place"]], language) for one in result["excluded"]],
    }  # fmt: skip


def _ranked(one: dict[str, Any], place: dict[str, Any], told: dict[str, Any], language: Language) -> dict[str, Any]:
    contributions = [
        {"factor": c["factor"], "weight": c["weight"], "level": c["level"]["value"], "points": c["points"],
         "sentence": reason[language]}
        for c, reason in zip(one["contributions"], told["reasons"], strict=False)
    ]  # fmt: skip
    return {
        **_named(place), "places_left": place["remaining"]["persons"], "score": one["score"],
        "contributions": contributions, "notices": [text[language] for text in told["notices"]],
        "what_would_change_it": told["what_would_change_it"][language],
    }  # fmt: skip


def _excluded(one: dict[str, Any], place: dict[str, Any], told: dict[str, Any], language: Language) -> dict[str, Any]:
    return {
        **_named(place), "rule": one["violations"][0]["rule"], "sentence": told["reasons"][0][language],
        "rules": [violation["rule"] for violation in one["violations"]],
        "what_would_change_it": told["what_would_change_it"][language],
    }  # fmt: skip


def _named(place: dict[str, Any]) -> dict[str, Any]:
    [capacity_id] = place["capacity_ids"]
    named = {name: place[name] for name in ("geo_code", "name", "region_code", "organization_id")}
    return {"capacity_id": capacity_id, **named}


def explained(recommendation: Recommendation) -> dict[str, Any]:
    """`reproduced`: today's engine, given the frozen inputs, said the same again, word for word.

    False once the engine has changed, or when what is stored is not what was computed; the words shown remain.
    """
    said = recommendation.result["said"]
    try:
        ranking = replay(recommendation.inputs)
        again = {**ranking.result(), "said": _said(ranking)}
        reproduced = ranking.sha256() == recommendation.sha256 and again == recommendation.result
    except InvalidInput:
        reproduced = False
    return {
        "recommendation_id": recommendation.id,
        "sha256": recommendation.sha256,
        "reproduced": reproduced,
        "inputs": recommendation.inputs,
        "places": said["places"],
    }
