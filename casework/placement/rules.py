"""The hard rules of placement: each is named, dated, sourced, and said in one plain sentence.

What a place has published binds; what it has not published never excludes it, and is said in a notice.
"En région", for the asylum pilot, means outside the CMM. Decision: `in_cmm` yes excludes; unknown keeps the
place and asks a person to check; the census metropolitan area (RMR) never excludes, and is a notice. The two
borders differ: Saint-Jérôme, a host city of 2022, lies in the RMR and not in the CMM (domain.md §4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from casework.kernel.programme import Programme

if TYPE_CHECKING:
    from casework.placement.model import HouseholdNeeds, Place

Facts = Mapping[str, str | int]
NO_FACTS: Facts = {}
PERSONS = "persons"


class Text(NamedTuple):
    fr: str
    en: str


class Rule(StrEnum):
    """In the order in which they are named: the first one violated is the one a person reads first."""

    no_consent = "no_consent"
    unaccompanied_minor = "unaccompanied_minor"
    no_agreement_in_force = "no_agreement_in_force"
    programme_not_covered = "programme_not_covered"
    capacity_insufficient = "capacity_insufficient"
    outside_pilot = "outside_pilot"
    place_avoided = "place_avoided"
    language_unserved = "language_unserved"
    service_missing = "service_missing"
    claim_not_placeable = "claim_not_placeable"


ORDER: Mapping[Rule, int] = {rule: position for position, rule in enumerate(Rule)}


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One rule as it stands between two dates, the last one included.

    `required` False keeps the rule on record and excludes nobody. `codes` and `programmes` narrow what it
    looks at (None: everything). The sentences are filled with the facts of the violation.
    """

    rule: Rule
    sentence: Text
    source: str
    valid_from: date = date(2023, 11, 1)  # the asylum pilot's first month
    valid_to: date | None = None
    required: bool = True
    codes: frozenset[str] | None = None
    programmes: frozenset[Programme] | None = None

    def in_force(self, on: date) -> bool:
        return self.required and self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    def concerns(self, code: str) -> bool:
        return self.codes is None or code in self.codes


@dataclass(frozen=True, slots=True)
class Violation:
    rule: Rule
    facts: Facts


def _no_consent(needs: HouseholdNeeds) -> Iterator[Facts]:
    if not needs.has_consent:
        yield NO_FACTS


def _unaccompanied_minor(needs: HouseholdNeeds) -> Iterator[Facts]:
    if needs.unaccompanied_minor:
        yield NO_FACTS


def _claim_not_placeable(needs: HouseholdNeeds) -> Iterator[Facts]:
    if not needs.claim_placeable:
        yield {"claim": needs.claim_reason}


def _no_agreement(_needs: HouseholdNeeds, place: Place, _version: RuleVersion, on: date) -> Iterator[Facts]:
    if not place.agreements_on(on):
        yield NO_FACTS


def _programme_not_covered(needs: HouseholdNeeds, place: Place, _version: RuleVersion, on: date) -> Iterator[Facts]:
    """Says nothing where no agreement is in force at all: `no_agreement_in_force` says it."""
    agreements = place.agreements_on(on)
    if agreements and all(needs.programme not in agreement.programmes for agreement in agreements):
        yield {"programme": needs.programme}


def _capacity_insufficient(needs: HouseholdNeeds, place: Place, version: RuleVersion, _on: date) -> Iterator[Facts]:
    for resource, needed in needs.demand().items():
        left = place.remaining.get(resource)
        if left is not None and left < needed and version.concerns(resource):
            yield {"resource": resource, "left": max(left, 0), "needed": needed}


def _outside_pilot(_needs: HouseholdNeeds, place: Place, _version: RuleVersion, _on: date) -> Iterator[Facts]:
    if place.in_cmm == "yes":
        yield NO_FACTS


def _place_avoided(needs: HouseholdNeeds, place: Place, _version: RuleVersion, _on: date) -> Iterator[Facts]:
    """The source of the refusal stays out of the facts: it may say who the household is afraid of."""
    if place.geo_code in needs.avoid or place.region_code in needs.avoid:
        yield NO_FACTS


def _language_unserved(needs: HouseholdNeeds, place: Place, version: RuleVersion, _on: date) -> Iterator[Facts]:
    for language in sorted(needs.languages - place.languages):
        if version.concerns(language):
            yield {"language": language}


def _service_missing(needs: HouseholdNeeds, place: Place, version: RuleVersion, _on: date) -> Iterator[Facts]:
    for service in sorted(needs.services - place.services):
        if version.concerns(service):
            yield {"service": service}


CASE_CHECKS: Mapping[Rule, Callable[[HouseholdNeeds], Iterator[Facts]]] = {
    Rule.no_consent: _no_consent,
    Rule.unaccompanied_minor: _unaccompanied_minor,
    Rule.claim_not_placeable: _claim_not_placeable,
}
PLACE_CHECKS: Mapping[Rule, Callable[[HouseholdNeeds, Place, RuleVersion, date], Iterator[Facts]]] = {
    Rule.no_agreement_in_force: _no_agreement,
    Rule.programme_not_covered: _programme_not_covered,
    Rule.capacity_insufficient: _capacity_insufficient,
    Rule.outside_pilot: _outside_pilot,
    Rule.place_avoided: _place_avoided,
    Rule.language_unserved: _language_unserved,
    Rule.service_missing: _service_missing,
}


def rules_for(rules: tuple[RuleVersion, ...], programme: Programme, on: date) -> tuple[RuleVersion, ...]:
    """The versions in force that day for that programme, in the order in which rules are named."""
    applicable = (
        version
        for version in rules
        if version.in_force(on) and (version.programmes is None or programme in version.programmes)
    )
    return tuple(sorted(applicable, key=lambda version: ORDER[version.rule]))


def case_violations(needs: HouseholdNeeds, rules: tuple[RuleVersion, ...]) -> tuple[Violation, ...]:
    """Why the case is not in the model at all, wherever the places are."""
    return tuple(
        Violation(version.rule, facts)
        for version in rules
        if version.rule in CASE_CHECKS
        for facts in CASE_CHECKS[version.rule](needs)
    )


def place_violations(
    needs: HouseholdNeeds, place: Place, rules: tuple[RuleVersion, ...], on: date
) -> tuple[Violation, ...]:
    """Every rule that this place breaks for this household, the named one first."""
    return tuple(
        Violation(version.rule, facts)
        for version in rules
        if version.rule in PLACE_CHECKS
        for facts in PLACE_CHECKS[version.rule](needs, place, version, on)
    )


DESIGN = "Proposition de conception, à valider par le ministère"
RULES: tuple[RuleVersion, ...] = (
    RuleVersion(
        Rule.no_consent,
        Text(
            "Le placement attend le consentement de chaque adulte du ménage ; le silence n’est pas un oui.",
            "Placement waits for the consent of every adult of the household; silence is not a yes.",
        ),
        "Projet pilote de régionalisation, novembre 2023 : démarche volontaire",
    ),
    RuleVersion(
        Rule.unaccompanied_minor,
        Text(
            "Une personne mineure non accompagnée suit le parcours du PRAIDA et n’est pas jumelée à un lieu.",
            "An unaccompanied minor follows the PRAIDA route and is not matched to a place.",
        ),
        "PRAIDA, CIUSSS Centre-Ouest : intervenant pivot (ciusss-centreouestmtl.gouv.qc.ca)",
    ),
    RuleVersion(
        Rule.no_agreement_in_force,
        Text(
            "Aucune entente avec l’organisme n’est en vigueur à cette date.",
            "No agreement with the organization is in force on that date.",
        ),
        "Plan d’action 2022, PASI : orientation seulement sous une entente en vigueur",
    ),
    RuleVersion(
        Rule.programme_not_covered,
        Text(
            "L’entente en vigueur ne couvre pas ce programme : {programme}.",
            "The agreement in force does not cover this programme: {programme}.",
        ),
        "PASI 2019-2021 : volets d’entente, renumérotés à chaque édition",
    ),
    RuleVersion(
        Rule.capacity_insufficient,
        Text(
            "Capacité insuffisante ({resource}) : il en reste {left}, il en faut {needed}.",
            "Not enough capacity ({resource}): {left} left, {needed} needed.",
        ),
        DESIGN + " : un ménage ne se divise pas",
    ),
    RuleVersion(
        Rule.outside_pilot,
        Text(
            "Le lieu est dans la Communauté métropolitaine de Montréal, donc hors du projet pilote.",
            "The place is inside the Montréal metropolitan community, hence outside the pilot.",
        ),
        DESIGN + " ; territoire de la CMM : mamh.gouv.qc.ca",
        programmes=frozenset({Programme.asylum}),
    ),
    RuleVersion(
        Rule.place_avoided,
        Text("Le ménage refuse ce lieu.", "The household refuses this place."),
        "Projet pilote de régionalisation, novembre 2023 : démarche volontaire",
    ),
    RuleVersion(
        Rule.language_unserved,
        Text(
            "Aucun interprète sur place pour cette langue : {language}.",
            "No interpreter there for this language: {language}.",
        ),
        DESIGN + " : soutien nécessaire sur place",
    ),
    RuleVersion(
        Rule.service_missing,
        Text(
            "Un service médical nécessaire n’est pas offert : {service}.",
            "A medical service that is needed is not offered: {service}.",
        ),
        DESIGN + " : soutien nécessaire sur place",
        codes=frozenset({"health_specialist", "mental_health", "dialysis", "maternity"}),
    ),
    RuleVersion(
        Rule.claim_not_placeable,
        Text(
            "Le statut de la demande ne permet pas de placement : {claim}.",
            "The status of the claim does not allow a placement: {claim}.",
        ),
        DESIGN + " ; loi C-12 (26 mars 2026) pour les demandes irrecevables",
    ),
)
