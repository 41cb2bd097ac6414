from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class AgreementAlreadyEnded(Problem):
    status = 409
    title = Text("Entente déjà terminée", "Agreement already ended")
    detail = Text("Cette entente est terminée ; elle ne change plus.", "This agreement has ended; it changes no more.")


class SuccessorNotInForce(Problem):
    status = 409
    title = Text("Entente successeure non en vigueur", "Successor agreement not in force")
    detail = Text(
        "L'entente successeure doit être une autre entente, en vigueur, dans la même région.",
        "The successor must be another agreement, in force, in the same region.",
    )


class SiteAlreadyClosed(Problem):
    status = 409
    title = Text("Lieu déjà fermé", "Site already closed")
    detail = Text("Ce lieu de service est déjà fermé.", "This site is already closed.")


class SiteStillLodges(Problem):
    status = 409
    title = Text("Des ménages y sont hébergés", "Households are lodged there")
    detail = Text(
        "{persons} personne(s) y sont hébergées ou attendues : fermez-le avec leurs lieux successeurs (closures).",
        "{persons} person(s) are lodged or awaited there: close it with their successors (closures).",
    )


class PlacesOutsideTerms(Problem):
    status = 409
    title = Text("Places hors des nouveaux termes", "Places outside the new terms")
    detail = Text(
        "Des capacités ouvertes sortent de la nouvelle période ; changez-les d'abord.",
        "Open capacities fall outside the new period; change them first.",
    )


def period_reversed(pointer: str = "/ends_on") -> InvalidContent:
    text = Text("La fin précède le début.", "The end is before the start.")
    return InvalidContent(errors=[Fault(text, "period", pointer=pointer)])
