from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent


def contradictory_age(member: str) -> Fault:
    """`member`: JSON Pointer of the member, `""` for a body that is one person."""
    return Fault(
        Text(
            "is_adult contredit la date de naissance.",
            "is_adult contradicts the birth date.",
        ),
        "contradiction",
        pointer=f"{member}/is_adult",
    )


def birth_in_future(member: str) -> Fault:
    return Fault(
        Text("La naissance est dans le futur.", "The birth is in the future."),
        "future",
        pointer=f"{member}/birth",
    )


def adult_is_not_alone(member: str) -> Fault:
    return Fault(
        Text("Un adulte n'est pas un mineur non accompagné.", "An adult is no unaccompanied minor."),
        "not_a_minor",
        pointer=f"{member}/unaccompanied_minor",
    )


def not_an_adult(pointer: str) -> Fault:
    return Fault(
        Text(
            "Seul un adulte du ménage peut consentir ; l'âge de cette personne ne l'établit pas.",
            "Only an adult of the household can consent; this person's age does not establish it.",
        ),
        "not_an_adult",
        pointer=pointer,
    )


def consent_in_future() -> Fault:
    return Fault(Text("Ce jour n'est pas encore venu.", "That day has not come yet."), "future", pointer="/occurred_on")


def no_such_member(place: int) -> Fault:
    return Fault(
        Text("Aucun membre n'a ce rang.", "No member has that place."),
        "unknown_member",
        pointer=f"/consents/{place}/member",
    )


def refused(faults: list[Fault]) -> InvalidContent:
    return InvalidContent(errors=faults)


def of_household(relations: list[str], external_ids: list[str | None]) -> list[Fault]:
    """One principal, and no external id twice."""
    faults = []
    if relations.count("principal") != 1:
        text = Text("Un ménage a un seul requérant principal.", "A household has exactly one principal.")
        faults.append(Fault(text, "one_principal", pointer="/members"))
    for place, external_id in enumerate(external_ids):
        if external_id is not None and external_id in external_ids[:place]:
            text = Text("Cet identifiant externe est déjà pris.", "This external identifier is taken already.")
            faults.append(Fault(text, "external_id_twice", pointer=f"/members/{place}/external_id"))
    return faults
