from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class CapacityBelowTaken(Problem):
    status = 409
    title = Text("Capacité sous les places prises", "Capacity below what is taken")
    detail = Text(
        "{taken} place(s) sont retenues ou occupées : la capacité ne peut descendre plus bas. Si des places sont"
        " perdues, ouvrez une révision de cette capacité.",
        "{taken} place(s) are held or used: the capacity cannot go below that. If places are lost, open a review of"
        " this capacity.",
    )


class CapacityUnderReview(Problem):
    status = 409
    title = Text("Capacité en révision", "Capacity under review")
    detail = Text(
        "Des places de cette capacité sont perdues et une révision est ouverte ; réglez-la d'abord.",
        "Places of this capacity are lost and a review is open; settle it first.",
    )


class NothingToReview(Problem):
    status = 409
    title = Text("Rien à réviser", "Nothing to review")
    detail = Text(
        "{taken} place(s) sont retenues ou occupées : ce total leur suffit ; changez simplement la capacité.",
        "{taken} place(s) are held or used: this total is enough for them; simply change the capacity.",
    )


class PlacesStillTaken(Problem):
    status = 409
    title = Text("Places encore prises", "Places still taken")
    detail = Text(
        "{taken} place(s) restent retenues ou occupées : trouvez d'abord un autre lieu aux ménages touchés.",
        "{taken} place(s) are still held or used: first find another place for the households concerned.",
    )


class ReviewAlreadySettled(Problem):
    status = 409
    title = Text("Révision déjà réglée", "Review already settled")
    detail = Text("Cette révision est déjà réglée.", "This review is already settled.")


class TargetAlreadySet(Problem):
    status = 409
    title = Text("Cible déjà fixée", "Target already set")
    detail = Text(
        "Cette région a déjà une cible pour une partie de cette période ; changez-la.",
        "This region already has a target for part of this period; change that one.",
    )


class CapacityAlreadyOpen(Problem):
    status = 409
    title = Text("Capacité déjà ouverte", "Capacity already open")
    detail = Text(
        "Cette entente a déjà une capacité pour cette municipalité, cette ressource et cette période ; changez son total.",
        "This agreement already has a capacity for this municipality, resource and period; change its total.",
    )


def period_reversed() -> InvalidContent:
    text = Text("La fin précède le début.", "The end is before the start.")
    return InvalidContent(errors=[Fault(text, "period", pointer="/ends_on")])


def outside_agreement() -> InvalidContent:
    text = Text(
        "L'entente ne couvre pas cette municipalité ou cette période.",
        "The agreement does not cover this municipality or this period.",
    )
    return InvalidContent(errors=[Fault(text, "agreement", pointer="/agreement_id")])


UNKNOWN_RESOURCE = Text(
    "Cette ressource n'est pas dans la liste en vigueur (GET /v1/resources).",
    "This resource is not in the list in force (GET /v1/resources).",
)


def unknown_resource() -> InvalidContent:
    return InvalidContent(errors=[Fault(UNKNOWN_RESOURCE, "resource", pointer="/resource")])


def range_reversed() -> InvalidContent:
    text = Text("Il faut : minimum ≤ prévu ≤ maximum.", "It must hold that: low ≤ expected ≤ high.")
    return InvalidContent(errors=[Fault(text, "range", pointer="/expected")])


def ceiling_below_target() -> InvalidContent:
    text = Text("Le plafond est plus bas que la cible.", "The ceiling is below the target.")
    return InvalidContent(errors=[Fault(text, "ceiling", pointer="/ceiling")])


def other_columns(expected: tuple[str, ...]) -> InvalidContent:
    names = ",".join(expected)
    text = Text(f"La première ligne doit être : {names}.", f"The first line must be: {names}.")
    return InvalidContent(errors=[Fault(text, "columns", pointer="/csv")])


def unreadable_sheet(line: int) -> InvalidContent:
    text = Text(f"La ligne {line} n'est pas du CSV lisible.", f"Line {line} is not legible CSV.")
    return InvalidContent(errors=[Fault(text, "csv", pointer="/csv")])


LINE_OF_OTHER_LENGTH = Fault(
    Text("Cette ligne n'a pas le nombre de colonnes de l'en-tête.", "This line has not as many columns as the header."),
    "columns",
    pointer="",
)
FOREIGN_REGION = Fault(
    Text("Cette région n'est pas la vôtre.", "This region is not yours."), "region", pointer="/region_code"
)
COUNTED_TWICE = Fault(
    Text(
        "Une ligne plus haut compte déjà cette profession, ce mois et cette région.",
        "A line above already counts this occupation, month and region.",
    ),
    "duplicate",
    pointer="/occupation",
)
