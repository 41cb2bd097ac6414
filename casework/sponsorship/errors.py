from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class UndertakingStepNotPossible(Problem):
    status = 409
    title = Text("Étape impossible", "Step not possible")
    detail = Text(
        "Un engagement à l'état « {undertaking_state} » ne peut pas franchir cette étape.",
        "An undertaking in the state “{undertaking_state}” cannot take this step.",
    )


class GroupTooSmall(Problem):
    status = 409
    title = Text("Groupe trop petit", "Group too small")
    detail = Text(
        "Un groupe compte au moins deux membres ; ajoutez-en avant de poursuivre.",
        "A group has two members at least; add some before going on.",
    )


class SponsorFull(Problem):
    status = 409
    title = Text("Groupe complet", "Group full")
    detail = Text("Un garant compte cinq membres au plus.", "A sponsor has five members at most.")


class MemberAlreadyLeft(Problem):
    status = 409
    title = Text("Membre déjà parti", "Member already gone")
    detail = Text("Ce membre a déjà quitté le garant.", "This member has already left the sponsor.")


class MemberStillLiable(Problem):
    status = 409
    title = Text("Membre encore solidaire", "Member still liable")
    detail = Text(
        "Ce membre n'est pas parti, ou répond encore d'un engagement en cours ; son nom reste jusqu'à la fin.",
        "This member has not left, or still answers for an undertaking under way; the name stays until its end.",
    )


class HouseholdNotSponsored(Problem):
    status = 409
    title = Text("Ménage hors programme", "Household outside the programme")
    detail = Text(
        "Ce dossier n'est pas un dossier ouvert de parrainage collectif.",
        "This case is not an open case of collective sponsorship.",
    )


class HouseholdAlreadySponsored(Problem):
    status = 409
    title = Text("Ménage déjà parrainé", "Household already sponsored")
    detail = Text(
        "Un engagement en cours porte déjà ce ménage, ou celui-ci a déjà le sien.",
        "An undertaking under way already carries this household, or this one has its own.",
    )


class ReportNotDue(Problem):
    status = 409
    title = Text("Rapport non attendu", "Report not due")
    detail = Text(
        "Ce rapport n'est pas attendu : l'engagement est à l'état « {undertaking_state} ».",
        "This report is not due: the undertaking is in the state “{undertaking_state}”.",
    )


class SameSponsor(Problem):
    status = 409
    title = Text("Même garant", "Same sponsor")
    detail = Text("Un transfert va à un autre garant.", "A transfer goes to another sponsor.")


class IntakeSuspended(Problem):
    status = 409
    title = Text("Réception suspendue", "Intake suspended")
    detail = Text(
        "Aucune demande n'est reçue avant le {reopens_on}.", "No undertaking is received before {reopens_on}."
    )


class IntakeClosed(Problem):
    status = 409
    title = Text("Liste close", "List closed")
    detail = Text(
        "La liste de cette année est close ; elle ne reçoit plus personne.",
        "This year's list is closed; it takes nobody more.",
    )


class DrawAlreadyOpen(Problem):
    status = 409
    title = Text("Tirage déjà ouvert", "Draw already open")
    detail = Text(
        "Cette année a déjà son tirage pour ces garants ; un autre changerait les chances.",
        "This year already has its draw for these sponsors; another one would change the chances.",
    )


class DrawStepNotPossible(Problem):
    status = 409
    title = Text("Étape du tirage impossible", "Step of the draw not possible")
    detail = Text(
        "Un tirage s'engage, se fige, puis se tire, une fois chacun ; celui-ci est « {draw_status} ».",
        "A draw is committed, frozen, then drawn, once each; this one is “{draw_status}”.",
    )


def speaks_already() -> InvalidContent:
    text = Text("Cette personne est déjà la porte-parole.", "This person is the spokesperson already.")
    return InvalidContent(errors=[Fault(text, "speaks_already", pointer="/spokesperson_id")])


def foreign_spokesperson() -> InvalidContent:
    text = Text(
        "Nommez une personne qui est porte-parole en fonction ; qui parle pour soi ne nomme personne.",
        "Name a person who is a spokesperson in force; whoever speaks for themself names nobody.",
    )
    return InvalidContent(errors=[Fault(text, "not_a_spokesperson", pointer="/spokesperson_id")])


def unknown_place(pointer: str) -> InvalidContent:
    text = Text("Cette municipalité n'est pas connue.", "This municipality is not known.")
    return InvalidContent(errors=[Fault(text, "unknown_place", pointer=pointer)])


def out_of_order(pointer: str = "/occurred_on") -> InvalidContent:
    text = Text(
        "Cette date précède l'étape d'avant, ou une échéance qui doit d'abord passer.",
        "This date comes before the previous step, or before a date that has to pass first.",
    )
    return InvalidContent(errors=[Fault(text, "date_out_of_order", pointer=pointer)])


def reason_due() -> InvalidContent:
    text = Text(
        "Cette étape demande un motif (reason) ; les autres n'en portent pas.",
        "This step needs a reason; the others carry none.",
    )
    return InvalidContent(errors=[Fault(text, "reason", pointer="/reason")])


def cap_unknown() -> InvalidContent:
    text = Text(
        "Aucun plafond publié n'est connu pour cette année : indiquez cap et cap_source.",
        "No published cap is known for this year: state cap and cap_source.",
    )
    return InvalidContent(errors=[Fault(text, "cap_unknown", pointer="/cap")])


def cap_contradicts() -> InvalidContent:
    text = Text(
        "Un plafond publié est connu pour cette année ; le tirage le prend tel quel.",
        "A published cap is known for this year; the draw takes it as it is.",
    )
    return InvalidContent(errors=[Fault(text, "cap_contradicts", pointer="/cap")])


def reserve_too_large() -> InvalidContent:
    text = Text("La réserve régionale dépasse le plafond.", "The regional reserve exceeds the cap.")
    return InvalidContent(errors=[Fault(text, "reserve", pointer="/reserve")])
