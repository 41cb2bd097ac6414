from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class CaseAlreadyClosed(Problem):
    status = 409
    title = Text("Dossier déjà fermé", "Case already closed")
    detail = Text("Ce dossier est fermé ; rouvrez-le d'abord.", "This case is closed; reopen it first.")


class CaseNotClosed(Problem):
    status = 409
    title = Text("Dossier non fermé", "Case not closed")
    detail = Text("Seul un dossier fermé se rouvre.", "Only a closed case can be reopened.")


class CaseNotDraft(Problem):
    status = 409
    title = Text("Dossier déjà ouvert", "Case already opened")
    detail = Text(
        "Seul un brouillon s'ouvre ainsi ; un dossier fermé se rouvre par /reopen.",
        "Only a draft is opened this way; a closed case is reopened with /reopen.",
    )


class CaseStillPlaced(Problem):
    status = 409
    title = Text("Placement en cours", "Placement under way")
    detail = Text(
        "Une offre ou une affectation est en cours ; terminez-la avant de fermer le dossier.",
        "An offer or an assignment is under way; end it before closing the case.",
    )


class ClaimStatusCannotFollow(Problem):
    status = 409
    title = Text("État qui ne peut suivre", "Status that cannot follow")
    detail = Text(
        "L'état {later} ne peut venir après {earlier} ; vérifiez la date, ou annulez l'état inscrit par erreur.",
        "Status {later} cannot come after {earlier}; check the date, or void the status entered by mistake.",
    )


class ClaimStatusAlreadyVoided(Problem):
    status = 409
    title = Text("État déjà annulé", "Status already voided")
    detail = Text("Cet état est déjà annulé.", "This status is voided already.")


class NoClaimHere(Problem):
    status = 409
    title = Text("Programme sans demande d'asile", "Programme without a claim")
    detail = Text(
        "Le programme de ce dossier ne connaît pas de demande d'asile.",
        "The programme of this case knows no asylum claim.",
    )


class AddressNoticeAlreadyDone(Problem):
    status = 409
    title = Text("Adresse déjà transmise", "Address already notified")
    detail = Text("Cette autorité a été avisée le {notified_on}.", "This authority was told on {notified_on}.")


class NoOfficeToIntakeInto(Problem):
    status = 422
    title = Text("Bureau requis", "Office required")
    detail = Text("Votre rôle n'a pas de bureau : nommez office_id.", "Your role has no office: name office_id.")


def foreign_office() -> InvalidContent:
    text = Text("Vous prenez en charge dans votre propre bureau.", "You take households in at your own office.")
    return InvalidContent(errors=[Fault(text, "foreign_office", pointer="/office_id")])


def not_a_caseworker() -> InvalidContent:
    text = Text(
        "Cette personne n'est pas intervenante en fonction dans le bureau du dossier.",
        "This person is not a caseworker in force at the office of the case.",
    )
    return InvalidContent(errors=[Fault(text, "not_a_caseworker", pointer="/caseworker_id")])


def no_such_claimant(place: int) -> InvalidContent:
    text = Text("Aucun membre n'a ce rang.", "No member has that place.")
    return InvalidContent(errors=[Fault(text, "unknown_member", pointer=f"/claim_statuses/{place}/member")])
