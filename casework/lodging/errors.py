from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class NotEnoughBeds(Problem):
    status = 409
    title = Text("Lits insuffisants", "Not enough beds")
    detail = Text("Il manque {short} lit(s).", "{short} bed(s) are missing.")


class SiteDoesNotLodge(Problem):
    status = 409
    title = Text("Lieu sans hébergement", "Site without lodging")
    detail = Text(
        "Ce lieu n'héberge personne : il n'a pas de lits.",
        "This site lodges nobody: it has no beds.",
    )


class SiteClosedForLodging(Problem):
    status = 409
    title = Text("Lieu fermé", "Site closed")
    detail = Text("Ce lieu est fermé ou va fermer.", "This site is closed, or about to close.")


class LodgedThereAlready(Problem):
    status = 409
    title = Text("Déjà hébergé là", "Lodged there already")
    detail = Text("Le ménage est déjà hébergé dans ce lieu.", "The household is lodged at this site already.")


class LodgingAlreadyEnded(Problem):
    status = 409
    title = Text("Hébergement déjà terminé", "Stay already ended")
    detail = Text("Ce séjour est déjà terminé.", "This stay has ended already.")


class NobodyToLodge(Problem):
    status = 409
    title = Text("Ménage sans membre", "Household without a member")
    detail = Text("Ce ménage n'a aucun membre aujourd'hui.", "This household has no member today.")


def before_the_stay(pointer: str) -> InvalidContent:
    text = Text("Cette date précède le début du séjour.", "This date comes before the stay began.")
    return InvalidContent(errors=[Fault(text, "before_the_stay", pointer=pointer)])


def in_the_past() -> InvalidContent:
    text = Text(
        "Cette date est passée : un lieu ferme aujourd'hui ou plus tard.",
        "This date is past: a site closes today or later.",
    )
    return InvalidContent(errors=[Fault(text, "date_in_past", pointer="/closed_on")])


def no_successor(place: int) -> InvalidContent:
    text = Text(
        "Un lieu successeur est un autre lieu d'hébergement, ouvert, de la même région : personne ne change de région sans y consentir.",
        "A successor is another site that lodges, open, in the same region: nobody changes region without consent.",
    )
    return InvalidContent(errors=[Fault(text, "no_successor", pointer=f"/successors/{place}")])


def named_twice(place: int) -> InvalidContent:
    text = Text("Ce lieu est nommé deux fois.", "This site is named twice.")
    return InvalidContent(errors=[Fault(text, "named_twice", pointer=f"/successors/{place}")])
