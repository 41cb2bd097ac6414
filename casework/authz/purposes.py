"""Why somebody reads: the checked list behind `X-Purpose-of-Use`, which the read log keeps with each entry."""

from __future__ import annotations

from enum import StrEnum

from casework.kernel.language import Text


class Purpose(StrEnum):
    intake = "intake"
    case_management = "case_management"
    placement = "placement"
    settlement = "settlement"
    supervision = "supervision"
    subject_request = "subject_request"
    audit = "audit"
    evaluation = "evaluation"
    emergency = "emergency"


MEANING: dict[Purpose, Text] = {
    Purpose.intake: Text("prise en charge d'un ménage", "taking a household in"),
    Purpose.case_management: Text("suivi d'un dossier", "following a case"),
    Purpose.placement: Text("recherche ou décision d'un lieu", "looking for a place, or deciding on one"),
    Purpose.settlement: Text("accompagnement en région", "support in the region"),
    Purpose.supervision: Text("supervision, revue d'un accès", "supervision, review of an access"),
    Purpose.subject_request: Text("demande de la personne elle-même", "request of the person"),
    Purpose.audit: Text("vérification", "audit"),
    Purpose.evaluation: Text("évaluation du programme", "evaluation of the programme"),
    Purpose.emergency: Text(
        "urgence : sous un accès ouvert par POST /v1/break-glass",
        "emergency: under an access opened by POST /v1/break-glass",
    ),
}
ACCEPTED = ", ".join(Purpose)
