"""Why here, why not there, and what would change it: told in two languages, and proven by ranking again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casework.kernel.programme import Programme
from casework.placement.counterfactual import (
    CHANGE_SENTENCES,
    OUTCOME_SENTENCES,
    ChangeKind,
    Counterfactual,
    Outcome,
    counterfactual,
)
from casework.placement.explain import explain, explain_case
from casework.placement.model import (
    Agreement,
    Flag,
    HouseholdNeeds,
    NoticeCode,
    Place,
    Preference,
    Ranking,
    rank,
)
from casework.placement.reference import default_weights
from casework.placement.rules import RULES, Rule
from casework.placement.sentences import NOTICE_SENTENCES

ON = date(2026, 6, 1)
WEIGHTS = default_weights(ON)
RIMOUSKI, QUEBEC, SHERBROOKE = "10043/org-1/cap-1", "23027/org-1/cap-1", "43027/org-1/cap-1"
BOTH_TOWNS = frozenset({"10043", "23027"})
NAMES = {"10043": "Rimouski", "23027": "Québec", "43027": "Sherbrooke"}


def a_family(**details: Any) -> HouseholdNeeds:
    given = {
        "case_id": "case-1",
        "programme": Programme.asylum,
        "persons": 5,
        "adults": 2,
        "has_consent": True,
    }
    return HouseholdNeeds(**{**given, **details})


def a_place(geo_code: str, **details: Any) -> Place:
    agreement = Agreement("a-1", frozenset(Programme), "2025-2028", "4", date(2025, 4, 1))
    given = {
        "geo_code": geo_code,
        "organization_id": "org-1",
        "capacity_ids": frozenset({"cap-1"}),
        "name": NAMES.get(geo_code, geo_code),
        "region_code": geo_code[:2],
        "agreements": (agreement,),
        "remaining": {"persons": 12},
        "in_cmm": Flag.no,
        "in_cma": Flag.no,
        "region_target_gap": 100,
    }
    return Place(**{**given, **details})


def ranked(needs: HouseholdNeeds, *places: Place) -> Ranking:
    return rank(needs, places, WEIGHTS, ON)


def first_after(change: Counterfactual) -> str:
    return rank(change.needs, change.places, WEIGHTS, ON).ranked[0].place.key


# --- why here, why not there ----------------------------------------------------------------------


def test_the_first_place_is_told_factor_by_factor_in_both_languages() -> None:
    family = a_family(preferences=(Preference("23027", 1),), waiting_days=90)
    told = explain(ranked(family, a_place("10043"), a_place("23027")), QUEBEC)
    assert (told.rank, told.name) == (1, "Québec")
    assert told.reasons[0].fr == (
        "Le ménage a nommé ce lieu ou sa région : choix numéro 1. (3\u202f000 points sur 3\u202f000)"
    )
    assert told.reasons[0].en == (
        "The household named this place or its region: choice number 1. (3,000 points of 3,000)"
    )
    assert len(told.reasons) == 8
    assert told.counterfactual.outcome is Outcome.already_first


def test_a_lower_place_says_by_how_much_and_on_what_it_loses() -> None:
    family = a_family(preferences=(Preference("23027", 1), Preference("10043", 2)))
    told = explain(ranked(family, a_place("10043"), a_place("23027")), RIMOUSKI)
    assert told.reasons[-1].en == "Québec has 750 points more; the largest difference is preference (750 points)."
    assert told.reasons[-1].fr == (
        "Québec a 750 points de plus ; l’écart le plus grand vient de la préférence (750 points)."
    )


def test_two_equal_places_are_not_said_to_differ() -> None:
    told = explain(ranked(a_family(), a_place("10043"), a_place("23027")), QUEBEC)
    assert told.reasons[-1].en == "As many points as Rimouski: only the order of the codes parts them."


def test_two_places_equal_by_different_roads_are_not_said_to_differ() -> None:
    """One service of four (450 of 1,800 points) weighs as much as a region 750 ‰ under its target."""
    family = a_family(services=frozenset({"childcare", "school_primary", "school_secondary", "library"}))
    helped = a_place("10043", services=frozenset({"childcare"}), region_target_gap=0)
    wanted = a_place("23027", region_target_gap=750)
    told = explain(ranked(family, helped, wanted), QUEBEC)
    assert told.reasons[-1].en.startswith("As many points as Rimouski")


def test_an_excluded_place_tells_each_broken_rule_with_its_numbers() -> None:
    family = a_family(languages=frozenset({"fa"}))
    told = explain(ranked(family, a_place("10043", remaining={"persons": 3})), RIMOUSKI)
    assert (told.rank, told.score) == (None, None)
    assert [reason.fr for reason in told.reasons] == [
        "Capacité insuffisante (places d’accueil) : il en reste 3, il en faut 5.",
        "Aucun interprète sur place pour cette langue : persan.",
    ]
    assert told.reasons[0].en == "Not enough capacity (reception places): 3 left, 5 needed."


def test_a_code_without_a_name_is_told_as_it_stands() -> None:
    told = explain(ranked(a_family(languages=frozenset({"ti"})), a_place("10043")), RIMOUSKI)
    assert told.reasons[0].fr == "Aucun interprète sur place pour cette langue : ti."


def test_a_case_without_consent_is_told_why_and_no_change_is_suggested() -> None:
    ranking = ranked(a_family(has_consent=False, pending_hearing_in_montreal=True), a_place("10043"))
    reason, hearing = explain_case(ranking)
    assert "silence n’est pas un oui" in reason.fr
    assert "Montréal" in hearing.en
    told = explain(ranking, RIMOUSKI)
    assert told.reasons == (reason,)
    assert told.counterfactual.outcome is Outcome.not_in_model


def test_the_unknown_border_is_said_beside_the_place() -> None:
    told = explain(ranked(a_family(), a_place("10043", in_cmm=Flag.unknown)), RIMOUSKI)
    [notice] = told.notices
    assert notice.fr.startswith("On ignore si ce lieu est dans la Communauté métropolitaine")


def test_an_explanation_is_ready_for_json_and_an_unknown_place_is_an_error() -> None:
    ranking = ranked(a_family(), a_place("10043"), a_place("23027"))
    told = explain(ranking, QUEBEC).as_json()
    assert told["outcome"] == "change"
    assert told["what_would_change_it"]["fr"].startswith("Ce lieu serait le premier si le ménage")
    assert set(told["reasons"][0]) == {"fr", "en"}
    with pytest.raises(KeyError):
        explain(ranking, SHERBROOKE)


# --- what would change it -------------------------------------------------------------------------


def test_naming_the_place_first_would_be_enough() -> None:
    family = a_family(preferences=(Preference("23027", 1), Preference("10043", 2)))
    change = counterfactual(ranked(family, a_place("10043"), a_place("23027")), RIMOUSKI)
    assert change.kind is ChangeKind.preference_first
    assert [(each.code, each.rank) for each in change.needs.preferences] == [("10043", 1), ("23027", 2)]
    assert first_after(change) == RIMOUSKI


def test_a_tie_is_told_when_the_place_is_already_the_first_choice() -> None:
    services = frozenset({"childcare", "school_primary"})
    family = a_family(preferences=(Preference("10043", 1),), ties=frozenset({"23027"}), services=services)
    rival = a_place("23027", services=services, region_target_gap=1_000)
    change = counterfactual(ranked(family, a_place("10043", region_target_gap=0), rival), RIMOUSKI)
    assert change.kind is ChangeKind.tie_declared
    assert first_after(change) == RIMOUSKI


def test_two_persons_too_many_and_exactly_two_units_are_asked_for() -> None:
    family = a_family(preferences=(Preference("10043", 1),))
    places = a_place("10043", remaining={"persons": 3}), a_place("23027")
    change = counterfactual(ranked(family, *places), RIMOUSKI)
    assert (change.kind, change.units) == (ChangeKind.units_freed, 2)
    assert change.text.fr == "Ce lieu serait le premier avec 2 de plus (places d’accueil) ; nécessaires : 5."
    assert first_after(change) == RIMOUSKI
    one_less = replace(places[0], remaining={"persons": 4})
    assert ranked(family, one_less, places[1]).ranked[0].place.key == QUEBEC


@pytest.mark.parametrize(
    ("lack", "needs", "kind"),
    [
        ({"languages": frozenset()}, {"languages": frozenset({"fa"})}, ChangeKind.language_served),
        ({"services": frozenset()}, {"services": frozenset({"dialysis"})}, ChangeKind.service_offered),
        ({"agreements": ()}, {}, ChangeKind.agreement_signed),
    ],
)
def test_the_one_thing_that_a_place_lacks_is_named(
    lack: dict[str, Any], needs: dict[str, Any], kind: ChangeKind
) -> None:
    family = a_family(preferences=(Preference("10043", 1),), **needs)
    full = {"languages": frozenset({"fa"}), "services": frozenset({"dialysis"})}
    change = counterfactual(ranked(family, a_place("10043", **{**full, **lack}), a_place("23027", **full)), RIMOUSKI)
    assert change.kind is kind
    assert first_after(change) == RIMOUSKI


@pytest.mark.parametrize(
    ("needs", "kind", "facts"),
    [
        ({"bedrooms_needed": 4}, ChangeKind.home_freed, {"bedrooms": 4}),
        (
            {"occupations": frozenset({"72106"}), "adults": 1},
            ChangeKind.opening_published,
            {"occupation": "72106"},
        ),
    ],
)
def test_a_home_or_an_opening_is_told_when_preference_and_tie_do_not_reach(
    needs: dict[str, Any], kind: ChangeKind, facts: dict[str, Any]
) -> None:
    """Both towns are first choices with family there: moving one down gives 750 points, too few here."""
    equals = (Preference("10043", 1), Preference("23027", 1))
    family = a_family(preferences=equals, ties=BOTH_TOWNS, **needs)
    mine = a_place("10043", remaining={"persons": 9, "homes_2": 1})
    rival = a_place("23027", remaining={"persons": 9, "homes_4": 1}, regional_needs={"72106": 1})
    change = counterfactual(ranked(family, mine, rival), RIMOUSKI)
    assert (change.kind, change.facts) == (kind, facts)
    assert first_after(change) == RIMOUSKI


def test_french_seats_are_asked_for_by_the_number_that_is_missing() -> None:
    family = a_family(preferences=(Preference("10043", 1),), services=frozenset({"francization"}))
    places = a_place("10043", remaining={"persons": 9, "francization": 1}), a_place("23027")
    change = counterfactual(ranked(family, *places), RIMOUSKI)
    assert (change.units, change.facts["resource"]) == (1, "francization")
    assert first_after(change) == RIMOUSKI


def test_of_two_changes_that_would_do_the_smaller_one_is_told() -> None:
    """The rival leads by 108 points. Three French seats would bring 300; one interpreter, 258."""
    capacity_only = tuple(each for each in RULES if each.rule is Rule.capacity_insufficient)
    services = frozenset({"childcare", "library", "school_primary", "school_secondary", "sport", "transport"})
    family = a_family(
        adults=3,
        languages=frozenset({"fa"}),
        services=services | {"francization"},
        preferences=(Preference("10043", 1), Preference("23027", 2)),
        ties=BOTH_TOWNS,
    )
    mine = a_place("10043", services=family.services, region_target_gap=0)
    rival = a_place("23027", services=family.services, languages=family.languages, region_target_gap=1_000)
    ranking = rank(family, (mine, rival), WEIGHTS, ON, capacity_only)
    assert ranking.ranked[0].score - ranking.ranked[1].score == 108
    seated = replace(mine, remaining={"persons": 12, "francization": 3})
    assert rank(family, (seated, rival), WEIGHTS, ON, capacity_only).ranked[0].place is seated
    change = counterfactual(ranking, RIMOUSKI)
    assert (change.kind, change.units) == (ChangeKind.language_served, 1)


def test_a_first_wish_takes_from_the_rivals_what_silence_gave_them() -> None:
    """Silence gives 1,500 points everywhere; a wish gives 3,000 here and takes 1,500 from the rival."""
    family = a_family(services=frozenset({"childcare"}))
    ranking = ranked(family, a_place("10043"), a_place("23027", services=family.services))
    assert ranking.ranked[0].score - ranking.ranked[1].score == 1_800
    change = counterfactual(ranking, RIMOUSKI)
    assert change.kind is ChangeKind.preference_first
    assert first_after(change) == RIMOUSKI


def test_a_refused_place_is_never_talked_back_in() -> None:
    family = a_family(avoid={"10043": "note"})
    change = counterfactual(ranked(family, a_place("10043"), a_place("23027")), RIMOUSKI)
    assert change.outcome is Outcome.none_suffices
    assert (change.kind, change.needs) == (None, family)


def test_a_place_that_lacks_two_things_is_told_that_no_single_change_suffices() -> None:
    family = a_family(languages=frozenset({"fa"}))
    short = a_place("10043", remaining={"persons": 4})
    change = counterfactual(ranked(family, short, a_place("23027", languages=frozenset({"fa"}))), RIMOUSKI)
    assert change.outcome is Outcome.none_suffices
    assert change.text.en.startswith("None of the changes tried")


# --- properties -----------------------------------------------------------------------------------

LANGUAGES, SERVICES = ["ar", "ti"], ["childcare", "dialysis", "francization"]
GEO_CODES = ["10043", "23027", "43027", "58227"]


def some(values: list[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=len(values))


households = st.builds(
    a_family,
    persons=st.integers(5, 7),
    adults=st.integers(1, 3),
    children_school_age=st.integers(0, 2),
    languages=some(LANGUAGES),
    services=some(SERVICES),
    occupations=some(["31301", "72106"]),
    preferences=st.lists(st.builds(Preference, st.sampled_from([*GEO_CODES, "10"]), st.integers(1, 4)), max_size=3).map(
        tuple
    ),
    avoid=st.dictionaries(st.sampled_from(GEO_CODES), st.just("note"), max_size=1),
    ties=some(["10043", "23027", "43"]),
    bedrooms_needed=st.none() | st.integers(1, 4),
    waiting_days=st.integers(0, 400),
    has_consent=st.sampled_from([True, True, True, False]),
    keep_together_with=st.sampled_from([(), ("case-2",)]),
)
place_details = st.fixed_dictionaries(
    {
        "remaining": st.fixed_dictionaries(
            {"persons": st.integers(3, 12)},
            optional={name: st.integers(0, 4) for name in ("school", "francization", "homes_2", "homes_4")},
        ),
        "languages": st.just(frozenset(LANGUAGES)) | some(LANGUAGES),
        "services": some(SERVICES),
        "in_cmm": st.sampled_from([Flag.no, Flag.no, Flag.unknown, Flag.yes]),
        "in_cma": st.sampled_from(Flag),
        "regional_needs": st.dictionaries(st.sampled_from(["31301", "72106"]), st.integers(0, 3)),
        "region_target_gap": st.none() | st.integers(-200, 1_200),
    }
)
worlds = st.dictionaries(  # two organizations may stand in one municipality
    st.tuples(st.sampled_from(GEO_CODES), st.sampled_from(["org-1", "org-2"])), place_details, min_size=1
).map(lambda drawn: [a_place(geo, organization_id=org, **details) for (geo, org), details in drawn.items()])


@given(households, worlds)
@settings(max_examples=200)
def test_applying_a_counterfactual_really_makes_the_place_first(needs: HouseholdNeeds, places: list[Place]) -> None:
    ranking = ranked(needs, *places)
    assume(not ranking.not_in_model)
    for place in places:
        change = counterfactual(ranking, place.key)
        if change.outcome is Outcome.change:
            assert ranking.ranked[:1] == () or ranking.ranked[0].place.key != place.key
            assert first_after(change) == place.key
            assert sum(before != after for before, after in zip(ranking.places, change.places, strict=True)) <= 1
            assert (change.needs != needs) != (change.places != ranking.places)


@given(households, worlds)
def test_when_none_suffices_neither_wish_nor_tie_nor_room_would(needs: HouseholdNeeds, places: list[Place]) -> None:
    """The changes are made here a second time, by hand, and tried with the whole ranking."""
    ranking = ranked(needs, *places)
    for place in places:
        if counterfactual(ranking, place.key).outcome is not Outcome.none_suffices:
            continue
        stood = min((each.rank for each in needs.preferences if each.code == place.geo_code), default=99)
        others = [each for each in needs.preferences if each.code != place.geo_code]
        wishes = tuple(Preference(each.code, each.rank + int(each.rank <= stood)) for each in others)
        tries = [
            (replace(needs, preferences=(Preference(place.geo_code, 1), *wishes)), place),
            (replace(needs, ties=needs.ties | {place.geo_code}), place),
            (needs, replace(place, remaining={**place.remaining, "persons": needs.persons})),
            (needs, replace(place, languages=place.languages | {"ar"})),
            (needs, replace(place, services=place.services | {"dialysis"})),
            (needs, replace(place, remaining={**place.remaining, f"homes_{needs.bedrooms_needed}": 1})),
            (needs, replace(place, regional_needs={**place.regional_needs, "72106": 1})),
        ]
        for household, changed in tries:
            again = ranked(household, *(changed if each is place else each for each in places))
            assert not again.ranked or again.ranked[0].place.key != place.key


@given(households, worlds)
def test_every_sentence_is_filled_in_both_languages(needs: HouseholdNeeds, places: list[Place]) -> None:
    ranking = ranked(needs, *places)
    told = [explain(ranking, place.key) for place in places]
    texts = [text for each in told for text in (*each.reasons, *each.notices, each.counterfactual.text)] + list(
        explain_case(ranking)
    )
    assert texts
    for text in texts:
        assert all(sentence.strip() and "{" not in sentence for sentence in text)
        assert text.fr != text.en


@given(households, worlds)
def test_the_answer_does_not_depend_on_the_order_of_the_places(needs: HouseholdNeeds, places: list[Place]) -> None:
    ranking, reversed_ranking = ranked(needs, *places), ranked(needs, *reversed(places))
    for place in places:
        assert explain(ranking, place.key) == explain(reversed_ranking, place.key)


def test_no_change_outcome_notice_or_rule_is_without_its_sentence() -> None:
    assert set(CHANGE_SENTENCES) == set(ChangeKind)
    assert set(OUTCOME_SENTENCES) == set(Outcome) - {Outcome.change}
    assert set(NOTICE_SENTENCES) == set(NoticeCode)
    assert {version.rule for version in RULES} == set(Rule)
    assert all(version.source and version.sentence.fr and version.sentence.en for version in RULES)
