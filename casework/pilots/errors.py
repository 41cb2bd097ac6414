from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class PilotNotOpen(Problem):
    status = 409
    title = Text("Projet pilote fermé aux inscriptions", "Pilot closed to enrolments")
    detail = Text(
        "Ce projet pilote n'a pas commencé, est terminé, ou a été arrêté.",
        "This pilot has not begun, is over, or was ended.",
    )


class CohortNotOpen(Problem):
    status = 409
    title = Text("Départ fermé", "Departure closed")
    detail = Text(
        "Ce départ a eu lieu, est annulé, ou son jour est passé.",
        "This departure has taken place, is cancelled, or its day is past.",
    )


class NotEnoughSeats(Problem):
    status = 409
    title = Text("Pas assez de sièges", "Not enough seats")
    detail = Text(
        "Il reste {seats_left} siège(s) et le ménage compte {seats_needed} personne(s) ; un ménage n'est pas séparé.",
        "{seats_left} seat(s) are left and the household has {seats_needed} person(s); a household is not split.",
    )


class AlreadyEnrolled(Problem):
    status = 409
    title = Text("Ménage déjà inscrit", "Household already enrolled")
    detail = Text("Ce ménage est déjà inscrit à ce projet.", "This household is already enrolled in this pilot.")


class CaseNotEnrollable(Problem):
    status = 409
    title = Text("Dossier non inscriptible", "Case cannot be enrolled")
    detail = Text(
        "Seul un dossier ouvert du programme de ce projet s'y inscrit.",
        "Only an open case of the pilot's programme can be enrolled in it.",
    )


class PilotConsentMissing(Problem):
    status = 409
    title = Text("Consentement au projet manquant", "Consent to the pilot missing")
    detail = Text(
        "Chaque adulte consent pour lui-même au projet pilote (`pilot`) ; il manque {missing} consentement(s) en"
        " vigueur. Le silence n'est pas un oui.",
        "Each adult consents to the pilot (`pilot`) apart; {missing} consent(s) in force are missing. Silence is not"
        " a yes.",
    )


class EnrolmentEnded(Problem):
    status = 409
    title = Text("Inscription déjà terminée", "Enrolment already ended")
    detail = Text("Cette inscription est terminée.", "This enrolment has ended.")


class HandoverMissing(Problem):
    status = 409
    title = Text("Relève à nommer", "Successor to be named")
    detail = Text(
        "Des ménages inscrits n'ont pas d'intervenant ; nommez qui prend la relève dans ces bureaux : {offices}.",
        "Some enrolled households have no caseworker; name who takes over in these offices: {offices}.",
    )


class EvaluationNotPublished(Problem):
    status = 404
    title = Text("Évaluation non publiée", "Evaluation not published")
    detail = Text(
        "Aucun chiffre de ce projet n'a encore été publié.", "No figure of this pilot has been published yet."
    )


def period_reversed() -> InvalidContent:
    text = Text("Le projet finirait avant d'avoir commencé.", "The pilot would end before it began.")
    return InvalidContent(errors=[Fault(text, "period_reversed", pointer="/ends_on")])


def outside_pilot(pointer: str) -> InvalidContent:
    text = Text("Ce jour est hors de la période du projet.", "This day is outside the pilot's period.")
    return InvalidContent(errors=[Fault(text, "outside_pilot", pointer=pointer)])


def region_not_in_pilot() -> InvalidContent:
    text = Text("Cette région ne participe pas au projet.", "This region does not take part in the pilot.")
    return InvalidContent(errors=[Fault(text, "region_not_in_pilot", pointer="/region_code")])
