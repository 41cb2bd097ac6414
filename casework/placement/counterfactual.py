"""The smallest single change that would put a place first, or an honest word that none does.

Single changes only are tried: fewer units first, then the order of `ChangeKind`. Never tried: consent and refusals,
because nobody is to be talked out of them, and the borders of the CMM.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from casework.placement.model import (
    FRANCIZATION,
    Agreement,
    Candidate,
    Exclusion,
    HouseholdNeeds,
    Place,
    Preference,
    Ranking,
    assess,
    homes,
)
from casework.placement.rules import Facts, Text
from casework.placement.sentences import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class ChangeKind(StrEnum):
    """The single changes that are tried; of two that ask for as many units, the first here is told."""

    preference_first = "preference_first"
    tie_declared = "tie_declared"
    units_freed = "units_freed"
    home_freed = "home_freed"
    language_served = "language_served"
    service_offered = "service_offered"
    opening_published = "opening_published"
    agreement_signed = "agreement_signed"


class Outcome(StrEnum):
    change = "change"
    already_first = "already_first"
    none_suffices = "none_suffices"
    not_in_model = "not_in_model"


CHANGE_SENTENCES: Mapping[ChangeKind, Text] = {
    ChangeKind.preference_first: Text(
        "Ce lieu serait le premier si le ménage en faisait son premier choix.",
        "This place would come first if the household made it its first choice.",
    ),
    ChangeKind.tie_declared: Text(
        "Ce lieu serait le premier si de la famille ou une communauté du ménage s’y trouvait.",
        "This place would come first if the household had family or community there.",
    ),
    ChangeKind.units_freed: Text(
        "Ce lieu serait le premier avec {added} de plus ({resource}) ; nécessaires : {needed}.",
        "This place would come first with {added} more ({resource}); needed: {needed}.",
    ),
    ChangeKind.home_freed: Text(
        "Ce lieu serait le premier si un logement se libérait ; chambres : {bedrooms}.",
        "This place would come first if a home became free; bedrooms: {bedrooms}.",
    ),
    ChangeKind.language_served: Text(
        "Ce lieu serait le premier avec un interprète pour cette langue : {language}.",
        "This place would come first with an interpreter for this language: {language}.",
    ),
    ChangeKind.service_offered: Text(
        "Ce lieu serait le premier s’il offrait ce service : {service}.",
        "This place would come first if it offered this service: {service}.",
    ),
    ChangeKind.opening_published: Text(
        "Ce lieu serait le premier si la région cherchait ce métier (CNP {occupation}).",
        "This place would come first if the region looked for this occupation (NOC {occupation}).",
    ),
    ChangeKind.agreement_signed: Text(
        "Ce lieu serait le premier avec une entente en vigueur pour ce programme.",
        "This place would come first with an agreement in force for this programme.",
    ),
}
OUTCOME_SENTENCES: Mapping[Outcome, Text] = {
    Outcome.already_first: Text("Ce lieu est déjà le premier.", "This place already comes first."),
    Outcome.none_suffices: Text(
        "Aucun des changements examinés (préférence, lien, place, logement, interprète, service, métier, "
        "entente) ne suffirait à lui seul à faire de ce lieu le premier.",
        "None of the changes tried (preference, tie, room, home, interpreter, service, occupation, "
        "agreement) would be enough alone to make this place the first.",
    ),
    Outcome.not_in_model: Text(
        "Le dossier n’est comparé à aucun lieu pour le moment : en voir les raisons.",
        "The case is compared with no place for now: see the reasons.",
    ),
}


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """`needs` and `places` are the changed inputs, on which `rank` puts `place_key` first, when `outcome` is
    `change`, and the unchanged ones otherwise. `units`: the size of the change."""

    place_key: str
    outcome: Outcome
    needs: HouseholdNeeds
    places: tuple[Place, ...]
    kind: ChangeKind | None = None
    units: int = 0
    facts: Facts = field(default_factory=dict)

    @property
    def text(self) -> Text:
        sentence = OUTCOME_SENTENCES[self.outcome] if self.kind is None else CHANGE_SENTENCES[self.kind]
        return filled(sentence, self.facts)


@dataclass(frozen=True, slots=True)
class Change:
    """One household or one place changed; the other stands as it was."""

    kind: ChangeKind
    needs: HouseholdNeeds
    place: Place
    facts: Facts = field(default_factory=dict)
    units: int = 1


def counterfactual(ranking: Ranking, place_key: str) -> Counterfactual:
    """The smallest single change that puts the place first, or an honest word that none does."""
    place = place_of(ranking, place_key)
    unchanged = (ranking.needs, ranking.places)
    if ranking.not_in_model:
        return Counterfactual(place_key, Outcome.not_in_model, *unchanged)
    if ranking.ranked and ranking.ranked[0].place is place:
        return Counterfactual(place_key, Outcome.already_first, *unchanged)
    for change in sorted(changes(ranking, place), key=_size):
        if _wins(ranking, change):
            places = tuple(change.place if each is place else each for each in ranking.places)
            shown = (change.kind, change.units, change.facts)
            return Counterfactual(place_key, Outcome.change, change.needs, places, *shown)
    return Counterfactual(place_key, Outcome.none_suffices, *unchanged)


def _size(change: Change) -> tuple[int, int, str]:
    """Equal kinds (two languages missing) fall back on their facts, so that the answer is always the same."""
    return change.units, list(ChangeKind).index(change.kind), str(sorted(change.facts.items()))


def _wins(ranking: Ranking, change: Change) -> bool:
    """A household that comes closer to one municipality never brings another one more points: only rivals
    ahead, or in that same municipality, are weighed anew. Best first: one that stays ahead ends it."""
    here = _assessed(ranking, change.needs, change.place)
    if isinstance(here, Exclusion):
        return False
    rivals = (candidate for candidate in ranking.ranked if candidate.place.key != change.place.key)
    if change.needs is ranking.needs:
        return all(here.order < rival.order for rival in rivals)
    geo_code = change.place.geo_code
    doubtful = (each for each in rivals if each.order < here.order or each.place.geo_code == geo_code)
    weighed = (_assessed(ranking, change.needs, rival.place) for rival in doubtful)
    return all(isinstance(rival, Exclusion) or here.order < rival.order for rival in weighed)


def _assessed(ranking: Ranking, needs: HouseholdNeeds, place: Place) -> Candidate | Exclusion:
    return assess(needs, place, ranking.weights, ranking.rules, ranking.on)


def changes(ranking: Ranking, place: Place) -> Iterator[Change]:
    """What is tried, in no order."""
    needs = ranking.needs
    yield Change(ChangeKind.preference_first, _preferring(needs, place), place)
    if place.geo_code not in needs.ties:
        yield Change(ChangeKind.tie_declared, replace(needs, ties=needs.ties | {place.geo_code}), place)
    yield from _room_changes(needs, place)
    yield from _support_changes(needs, place)
    for code in sorted(needs.occupations):
        if place.regional_needs.get(code, 0) < 1:
            opened = replace(place, regional_needs={**place.regional_needs, code: 1})
            yield Change(ChangeKind.opening_published, needs, opened, {"occupation": code})
    signed = Agreement("counterfactual", frozenset({needs.programme}), "", "", ranking.on)
    agreed = replace(place, agreements=(*place.agreements, signed))
    yield Change(ChangeKind.agreement_signed, needs, agreed)


def _preferring(needs: HouseholdNeeds, place: Place) -> HouseholdNeeds:
    """The municipality moved to the front: choices that stood before or beside it step back by one rank."""
    stood = min((each.rank for each in needs.preferences if each.code == place.geo_code), default=None)
    others = tuple(
        replace(each, rank=each.rank + 1) if stood is None or each.rank <= stood else each
        for each in needs.preferences
        if each.code != place.geo_code
    )
    return replace(needs, preferences=(Preference(place.geo_code, 1), *others))


def _room_changes(needs: HouseholdNeeds, place: Place) -> Iterator[Change]:
    """The units that the household lacks of one resource; French seats even where none are published."""
    for resource, needed in needs.demand().items():
        left = place.remaining.get(resource, 0 if resource == FRANCIZATION else needed)
        if left < needed:
            freed = replace(place, remaining={**place.remaining, resource: needed})
            facts: Facts = {"resource": resource, "added": needed - left, "needed": needed}
            yield Change(ChangeKind.units_freed, needs, freed, facts, units=needed - left)
    if needs.bedrooms_needed is not None and place.remaining.get(homes(needs.bedrooms_needed), 0) < 1:
        freed = replace(place, remaining={**place.remaining, homes(needs.bedrooms_needed): 1})
        yield Change(ChangeKind.home_freed, needs, freed, {"bedrooms": needs.bedrooms_needed})


def _support_changes(needs: HouseholdNeeds, place: Place) -> Iterator[Change]:
    for language in sorted(needs.languages - place.languages):
        served = replace(place, languages=place.languages | {language})
        yield Change(ChangeKind.language_served, needs, served, {"language": language})
    for service in sorted(needs.services - place.services):
        offered = replace(place, services=place.services | {service})
        yield Change(ChangeKind.service_offered, needs, offered, {"service": service})


def place_of(ranking: Ranking, place_key: str) -> Place:
    for place in ranking.places:
        if place.key == place_key:
            return place
    raise KeyError(place_key)
