from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request

from casework.authz.caller import Caller
from casework.authz.guard import GuardedRoute, Session, allow
from casework.authz.policy import Permission
from casework.cases.lifecycle import ClaimStatus
from casework.eligibility import reference
from casework.eligibility.reference import Answer
from casework.eligibility.schemas import EligibilitiesRead
from casework.kernel import clock
from casework.kernel.dates import CivilDate
from casework.kernel.language import preferred
from casework.kernel.openapi import described

if TYPE_CHECKING:
    from casework.eligibility.reference import Rule
    from casework.kernel.language import Language, Text

router = APIRouter(route_class=GuardedRoute, tags=["cases"])
ON = Query(description="Ce jour-là ; aujourd'hui par défaut. That day; today by default.")
CLAIMED = Query(
    description="Jour de la demande, dont dépendent certaines règles. Day of the claim: some rules need it."
)


@router.get("/eligibility", response_model=EligibilitiesRead, **described(Permission.territory_read))
async def read_eligibility(
    request: Request,
    caller: Annotated[Caller, allow(Permission.territory_read)],  # noqa: ARG001 -- the gate
    session: Session,  # noqa: ARG001 -- asks whether the grant is in force
    status: ClaimStatus,
    on: Annotated[CivilDate | None, ON] = None,
    claimed_on: Annotated[CivilDate | None, CLAIMED] = None,
) -> dict[str, Any]:
    """Ce qu'un statut ouvre ce jour-là, règle par règle avec sa source ; elle ne regarde aucune personne.

    What a status opens on that day, rule by rule with its source; it looks at nobody's file.
    """
    known, day = reference.shipped(), on or clock.today()
    language = preferred(request.headers.get("accept-language"))
    items = [
        _item(benefit, label, reference.rule_for(known, benefit, status, day, claimed_on), language)
        for benefit, label in reference.benefits(known).items()
    ]
    return {"status": status, "on": day, "claimed_on": claimed_on, "items": items}


def _item(benefit: str, label: Text, rule: Rule | None, language: Language) -> dict[str, Any]:
    shown: dict[str, Any] = {"benefit": benefit, "label": label.to(language)}
    if rule is None:
        nothing = ("amount", "condition", "decided_by", "valid_from", "valid_to", "source")
        return shown | {"answer": Answer.unknown} | dict.fromkeys(nothing)
    return shown | {
        "answer": rule.answer,
        "amount": None if rule.amount is None else {"value": rule.amount, "unit": rule.unit},
        "condition": rule.condition and rule.condition.to(language),
        "decided_by": rule.decided_by, "valid_from": rule.valid_from, "valid_to": rule.valid_to, "source": rule.source,
    }  # fmt: skip
