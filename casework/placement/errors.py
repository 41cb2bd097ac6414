from __future__ import annotations

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, Problem


class CaseNotPlaceable(Problem):
    status = 409
    title = Text("Dossier non plaçable", "Case not placeable")
    detail = Text(
        "Ce ménage n'entre pas dans le placement : {reasons}",
        "This household does not enter placement: {reasons}",
    )


class CaseNotOpen(Problem):
    status = 409
    title = Text("Dossier non ouvert", "Case not open")
    detail = Text("Seul un dossier ouvert se place.", "Only an open case can be placed.")


class PlaceExcluded(Problem):
    status = 409
    title = Text("Lieu exclu par une règle", "Place excluded by a rule")
    detail = Text("Ce lieu est exclu : {reasons}", "This place is excluded: {reasons}")


class NotEnoughPlaces(Problem):
    status = 409
    title = Text("Places insuffisantes", "Not enough places")
    detail = Text(
        "Il reste {places_left} place(s) ; ce ménage en demande {places_needed}.",
        "{places_left} place(s) are left; this household needs {places_needed}.",
    )


class RegionFull(Problem):
    status = 409
    title = Text("Plafond régional atteint", "Regional ceiling reached")
    detail = Text(
        "Le plafond de la région laisse {places_left} place(s) ; ce ménage en demande {places_needed}.",
        "The region's ceiling leaves {places_left} place(s); this household needs {places_needed}.",
    )


class HandoverCompleted(Problem):
    status = 409
    title = Text("Passation terminée", "Hand-over completed")
    detail = Text("Cette passation est terminée.", "This hand-over is completed.")


class HouseholdsWait(Problem):
    status = 409
    title = Text("Des ménages attendent", "Households wait")
    detail = Text(
        "{waiting} ménage(s) sont encore affectés sous l'entente terminée ; confiez-les d'abord à un successeur.",
        "{waiting} household(s) are still assigned under the ended agreement; entrust them to a successor first.",
    )


class NotOfThisHandover(Problem):
    status = 409
    title = Text("Hors de cette passation", "Not of this hand-over")
    detail = Text(
        "Cette affectation n'est pas en cours sous l'entente terminée.",
        "This assignment is not current under the ended agreement.",
    )


class CapacityOutOfPeriod(Problem):
    status = 409
    title = Text("Capacité hors période", "Capacity out of period")
    detail = Text("Cette capacité ne vaut pas aujourd'hui.", "This capacity does not hold today.")


class CapacityOfAnotherResource(Problem):
    status = 409
    title = Text("Capacité d'une autre ressource", "Capacity of another resource")
    detail = Text(
        "Une offre retient des places de personnes ; cette capacité compte autre chose.",
        "An offer holds places for persons; this capacity counts something else.",
    )


class OfferAlreadyOpen(Problem):
    status = 409
    title = Text("Offre déjà en cours", "Offer already open")
    detail = Text(
        "Ce dossier a déjà une offre sans réponse ; attendez ou retirez-la.",
        "This case already has an unanswered offer; wait for it or withdraw it.",
    )


class CaseAlreadyAssigned(Problem):
    status = 409
    title = Text("Dossier déjà affecté", "Case already assigned")
    detail = Text("Ce dossier a une affectation en cours.", "This case has a current assignment.")


class OfferNotOpen(Problem):
    status = 409
    title = Text("Offre close", "Offer closed")
    detail = Text(
        "Cette offre n'attend plus de réponse (état : {offer_status}).",
        "This offer no longer awaits an answer (status: {offer_status}).",
    )


class AlreadyAnswered(Problem):
    status = 409
    title = Text("Réponse déjà donnée", "Already answered")
    detail = Text("Cette personne a déjà répondu à cette offre.", "This person has already answered this offer.")


class NotAnAdult(Problem):
    status = 409
    title = Text("Réponse d'un adulte requise", "An adult's answer is required")
    detail = Text(
        "Seuls les adultes du ménage répondent à une offre.",
        "Only the adults of the household answer an offer.",
    )


class ObserverNotAdult(Problem):
    status = 409
    title = Text("Observations d'un adulte requises", "An adult's observations are required")
    detail = Text(
        "Les observations sont celles d'un adulte du ménage ; nommez l'adulte qui parle, au besoin pour l'enfant.",
        "Observations are those of an adult of the household; name the adult who speaks, for the child if need be.",
    )


class ObservationReviewed(Problem):
    status = 409
    title = Text("Observations déjà examinées", "Observations already reviewed")
    detail = Text(
        "Ces observations ont déjà été examinées ; si la personne a autre chose à dire, consignez-le à part.",
        "These observations have been reviewed; if the person has more to say, record it apart.",
    )


class ReviewerNotAnother(Problem):
    status = 409
    title = Text("Examen par une autre personne requis", "Review by another person is required")
    detail = Text(
        "Vous avez fait cette recommandation ou consigné ces observations ; demandez à un collègue de les examiner.",
        "You made this recommendation or recorded these observations; ask a colleague to review them.",
    )


class ConsentNoLongerStands(Problem):
    status = 409
    title = Text("Consentement non en vigueur", "Consent not in force")
    detail = Text(
        "Le consentement au placement d'un adulte n'est plus en vigueur ; recueillez-le ou retirez l'offre.",
        "An adult's consent to placement no longer stands; obtain it or withdraw the offer.",
    )


class AgreementEnded(Problem):
    status = 409
    title = Text("Entente terminée", "Agreement ended")
    detail = Text(
        "L'entente de l'organisme d'accueil n'est plus en vigueur ; retirez l'offre et proposez un autre lieu.",
        "The host organization's agreement is no longer in force; withdraw the offer and propose another place.",
    )


class AgreementFull(Problem):
    status = 409
    title = Text("Volume de l'entente atteint", "Agreement volume reached")
    detail = Text(
        "L'entente de cet organisme finance encore {places_left} personnes ; il en faut {places_needed}. Proposez un autre"
        " lieu, ou faites augmenter le volume.",
        "The agreement of this organization still funds {places_left} persons; {places_needed} are needed. Propose another"
        " place, or have the volume raised.",
    )


class StepNotPossible(Problem):
    status = 409
    title = Text("Étape impossible", "Step not possible")
    detail = Text(
        "Depuis l'état {assignment_status}, cette étape n'est pas possible.",
        "From the status {assignment_status}, this step is not possible.",
    )


class CaseNotAssigned(Problem):
    status = 409
    title = Text("Dossier sans lieu d'accueil", "Case without a host")
    detail = Text(
        "Un transfert part d'une affectation en cours ; ce dossier n'en a pas : faites une offre.",
        "A transfer starts from a current assignment; this case has none: make an offer.",
    )


class TransferToSamePlace(Problem):
    status = 409
    title = Text("Transfert vers le même lieu", "Transfer to the same place")
    detail = Text("Le ménage est déjà affecté à ce lieu.", "The household is already assigned to this place.")


class TransferAlreadyOpen(Problem):
    status = 409
    title = Text("Transfert déjà en cours", "Transfer already open")
    detail = Text(
        "Ce dossier a un transfert en cours ; menez-le à terme ou retirez-le.",
        "This case has an open transfer; carry it out or withdraw it.",
    )


class TransferNotPossible(Problem):
    status = 409
    title = Text("Étape du transfert impossible", "Step of the transfer not possible")
    detail = Text(
        "Depuis l'état {transfer_status}, cette étape du transfert n'est pas possible.",
        "From the status {transfer_status}, this step of the transfer is not possible.",
    )


class HouseholdNotAnswered(Problem):
    status = 409
    title = Text("Réponses attendues", "Answers awaited")
    detail = Text(
        "Chaque adulte du ménage répond d'abord à l'offre de ce transfert.",
        "Each adult of the household answers the offer of this transfer first.",
    )


def date_in_future() -> InvalidContent:
    text = Text("Cette date est dans le futur.", "This date is in the future.")
    return InvalidContent(errors=[Fault(text, "future", pointer="/occurred_on")])


def date_before_previous_step() -> InvalidContent:
    text = Text("Cette date précède l'étape d'avant.", "This date is before the previous step.")
    return InvalidContent(errors=[Fault(text, "too_early", pointer="/occurred_on")])


def date_after_next_step() -> InvalidContent:
    text = Text("Cette date suit l'étape d'après.", "This date is after the next step.")
    return InvalidContent(errors=[Fault(text, "too_late", pointer="/occurred_on")])
