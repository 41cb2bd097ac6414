from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, Problem


class MilestoneTypeNotInForce(Problem):
    status = 422
    title = Text("Type de jalon non en vigueur", "Milestone type not in force")
    detail = Text(
        "Aucun type de ce code n'est en vigueur à cette date pour ce programme ; voyez /v1/milestone-types.",
        "No type of this code is in force on that date for this programme; see /v1/milestone-types.",
    )

    def __init__(self) -> None:
        text = Text("Code absent du catalogue à cette date.", "Code not in the catalogue on that date.")
        super().__init__(errors=[Fault(text, "not_in_force", pointer="/code")])


class MilestoneNeedsPerson(Problem):
    status = 422
    title = Text("Jalon d'une personne", "Milestone of a person")
    detail = Text(
        "Ce type de jalon concerne une personne : donnez person_id.",
        "This type of milestone is about one person: give person_id.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "person_required", pointer="/person_id")])


class MilestoneOfTheHousehold(Problem):
    status = 422
    title = Text("Jalon du ménage", "Milestone of the household")
    detail = Text(
        "Ce type de jalon concerne tout le ménage : ne donnez pas person_id.",
        "This type of milestone is about the whole household: leave person_id out.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "person_refused", pointer="/person_id")])


class MilestoneNotYours(Problem):
    status = 403
    title = Text("Jalon d'un autre rôle", "Milestone of another role")
    detail = Text(
        "Ce type de jalon est enregistré par : {recorded_by}.",
        "This type of milestone is recorded by: {recorded_by}.",
    )


class MilestoneOfAnother(Problem):
    status = 403
    title = Text("Jalon d'une autre organisation", "Milestone of another organization")
    detail = Text(
        "Votre organisation n'annule que ses propres jalons ; demandez-le à l'intervenant du dossier.",
        "Your organization voids only its own milestones; ask the caseworker of the case.",
    )


class MilestoneInFuture(Problem):
    """Names the server's day: a client whose clock runs ahead sees why, and sends the same again tomorrow."""

    status = 422
    title = Text("Jalon dans le futur", "Milestone in the future")
    detail = Text(
        "Un jalon s'enregistre une fois survenu ; sa date ne peut pas dépasser aujourd'hui.",
        "A milestone is recorded once it has happened; its date cannot be after today.",
    )

    def __init__(self, today: str) -> None:
        super().__init__(errors=[Fault(self.detail, "in_future", pointer="/occurred_on")], today=today)


class MilestoneBeforeBirth(Problem):
    status = 422
    title = Text("Jalon avant la naissance", "Milestone before birth")
    detail = Text(
        "Cette date précède la naissance de la personne ; vérifiez la date et la personne.",
        "This date is before the person's birth; check the date and the person.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "before_birth", pointer="/occurred_on")])


class MilestoneOfTheJourney(Problem):
    status = 409
    title = Text("Jalon du parcours", "Milestone of the journey")
    detail = Text(
        "Ce jalon s'inscrit de lui-même, par la réponse à l'offre ou par l'arrivée de l'affectation ; une arrivée se"
        " corrige sur l'affectation (correct-arrival).",
        "This milestone writes itself, by the answer to the offer or by the arrival of the assignment; an arrival is"
        " corrected on the assignment (correct-arrival).",
    )


class MilestoneOnClosedCase(Problem):
    status = 409
    title = Text("Dossier fermé", "Case closed")
    detail = Text(
        "Rien ne s'enregistre sur un dossier fermé ; rouvrez-le d'abord.",
        "Nothing is recorded on a closed case; reopen it first.",
    )


class MilestoneBeforeArrival(Problem):
    status = 409
    title = Text("Ménage pas encore arrivé", "Household not arrived yet")
    detail = Text(
        "Ce jalon se compte à partir de l'arrivée : consignez d'abord l'arrivée du ménage.",
        "This milestone is counted from the arrival: record the household's arrival first.",
    )


class MilestoneTooEarly(Problem):
    status = 422
    title = Text("Jalon trop tôt", "Milestone too early")
    detail = Text(
        "Ce jalon ne peut pas être survenu avant le {first_possible_on}.",
        "This milestone cannot have happened before {first_possible_on}.",
    )

    def __init__(self, first_possible_on: str) -> None:
        text = Text("Date trop ancienne pour ce jalon.", "Date too early for this milestone.")
        fault = Fault(text, "too_early", pointer="/occurred_on")
        super().__init__(errors=[fault], first_possible_on=first_possible_on)


class MilestoneAfterDeath(Problem):
    """Says no more than that: who hosts a household does not read its statuses."""

    status = 422
    title = Text("Jalon après le décès", "Milestone after death")
    detail = Text(
        "Le décès de cette personne est inscrit avant cette date ; vérifiez la date et la personne, ou inscrivez"
        " not_applicable avec le motif deceased.",
        "This person's death is on record before this date; check the date and the person, or record"
        " not_applicable with the reason deceased.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "after_death", pointer="/occurred_on")])


class PresenceReasonRefused(Problem):
    """A retention figure is worth what its reasons are: no third way to be neither here nor gone (domain.md §0)."""

    status = 422
    title = Text("Motif sans rapport avec la présence", "Reason not about presence")
    detail = Text(
        "Un contrôle de présence dit done (sur place), unknown (on ne sait pas), ou not_applicable avec le motif"
        " left_region ou deceased.",
        "A retention check says done (here), unknown (nobody knows), or not_applicable with the reason left_region"
        " or deceased.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "not_about_presence", pointer="/reason_code")])


class ArrivalAfterItsMilestones(Problem):
    status = 409
    title = Text("Arrivée après ses jalons", "Arrival after its milestones")
    detail = Text(
        "Un jalon qui suit l'arrivée est daté du {earliest_on} ; corrigez-le ou annulez-le d'abord.",
        "A milestone that follows the arrival is dated {earliest_on}; correct or void it first.",
    )


class StatusDocumentRefused(Problem):
    """School is open whatever the status; asking for proof of it is reported illegal (domain.md §2 [25])."""

    status = 422
    title = Text("Document de statut refusé", "Status document refused")
    detail = Text(
        "L'école ne s'appuie jamais sur un document de statut ; la lettre du centre de services suffit.",
        "School never rests on a status document; the letter of the school service centre is enough.",
    )

    def __init__(self) -> None:
        super().__init__(errors=[Fault(self.detail, "status_document", pointer="/evidence/kind")])


class MilestoneAlreadyRecorded(Problem):
    status = 409
    title = Text("Jalon déjà enregistré", "Milestone already recorded")
    detail = Text(
        "Ce jalon ne se répète pas et il est déjà enregistré. Pour le corriger, corrigez l'entrée"
        " (correct) avec le motif.",
        "This milestone does not repeat and is already recorded. To correct it, correct the entry"
        " (correct) with the reason.",
    )


class MilestoneAlreadyVoided(Problem):
    status = 409
    title = Text("Jalon déjà annulé", "Milestone already voided")
    detail = Text(
        "Ce jalon est déjà annulé et le reste ; enregistrez un nouveau jalon.",
        "This milestone is already voided and stays so; record a new milestone.",
    )
