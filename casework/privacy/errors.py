from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, Problem


class UnderLegalHold(Problem):
    status = 409
    title = Text("Sous gel juridique", "Under a legal hold")
    detail = Text(
        "Le gel {hold_id} interdit d'effacer ; qui l'a posé doit d'abord le lever.",
        "The hold {hold_id} forbids erasing; whoever placed it must release it first.",
    )


class ErasureAlreadyRequested(Problem):
    status = 409
    title = Text("Effacement déjà demandé", "Erasure already requested")
    detail = Text(
        "La demande {erasure_id} attend une décision.",
        "The request {erasure_id} is waiting for a decision.",
    )


class ErasureAlreadyDecided(Problem):
    status = 409
    title = Text("Demande déjà décidée", "Request already decided")
    detail = Text(
        "Cette demande a reçu sa décision ; faites-en une nouvelle s'il le faut.",
        "This request has been decided; make a new one if need be.",
    )


class SecondPersonRequired(Problem):
    status = 409
    title = Text("Une autre personne doit décider", "Another person must decide")
    detail = Text(
        "Qui demande un effacement ne peut ni l'approuver ni le refuser.",
        "Whoever requests an erasure can neither approve nor refuse it.",
    )


class HoldAlreadyReleased(Problem):
    status = 409
    title = Text("Gel déjà levé", "Hold already released")
    detail = Text("Ce gel ne tient plus ; posez-en un autre.", "This hold no longer stands; place another one.")


def one_scope() -> Fault:
    return Fault(
        Text("Nommez un dossier ou une personne, pas les deux.", "Name a case or a person, not both."),
        "one_scope",
        pointer="",
    )
