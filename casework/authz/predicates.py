"""A reach as a SQL condition on a row: row security fills it with the caller's signed claims, `witness.py` with the
columns of whoever holds a role. One text for both, so that "who can see it" never disagrees with who does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from casework.authz import vouching
from casework.authz.policy import Reach
from casework.authz.shields import Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from casework.authz.shields import Shield

    # "role", "actor", "office", "region" or "organization" -> a SQL expression
    Holder = Callable[[str], str]

# Agreements and consents end with a civil day of Québec, not of UTC.
TODAY: Final = "(now() AT TIME ZONE 'America/Toronto')::date"
# Access ends by itself with the grant, the consents behind it, and the agreement (access.md §1).
GRANT_IN_FORCE: Final = (
    "ended_at IS NULL AND valid_from <= now() AND valid_until > now()"
    " AND (consent_until IS NULL OR consent_until > now())"
)
AGREEMENT_IN_FORCE: Final = (
    " AND (agreement_id IS NULL OR agreement_id IN (SELECT a.id FROM agreements a"
    f" WHERE a.ended_at IS NULL AND a.starts_on <= {TODAY} AND a.ends_on >= {TODAY}))"
)


def condition(shield: Shield, reach: Reach, holder: Holder) -> str:  # noqa: PLR0911 -- one return a reach
    if reach is Reach.all:
        return f"{holder('role')} IS NOT NULL"
    if reach is Reach.office:
        return f"{shield.column('office')} = {holder('office')}"
    if reach is Reach.own:
        return _followed(shield, holder)
    if reach is Reach.vouched:
        return vouching.within_reach(shield.table, holder)
    if reach is Reach.actor:
        return f"{shield.column('actor')} = {holder('actor')}"
    if reach is Reach.shared:
        return " OR ".join(f"{shield.column(of)} = {holder(of)}" for of in ("actor", "office", "region"))
    if reach is Reach.organization:
        return f"{shield.column('organization')} = {holder('organization')}"
    if reach is Reach.region:
        lives = f"{shield.column('region')} = {holder('region')}"
        return lives if shield.shape is Shape.plain else f"{lives} OR {_granted(shield, reach, holder)}"
    if reach is Reach.sponsored and shield.shape is Shape.plain:
        return f"{shield.column('spokesperson')} = {holder('actor')}"
    return _granted(shield, reach, holder)


def grantee(reach: Reach, holder: Holder) -> str:
    """The grants in force that give this reach to the holder, as a condition on `case_grants`."""
    if reach is Reach.region:
        return f"grantee_region = {holder('region')} AND {GRANT_IN_FORCE}{AGREEMENT_IN_FORCE}"
    if reach is Reach.granted:
        return f"organization_id = {holder('organization')} AND {GRANT_IN_FORCE}{AGREEMENT_IN_FORCE}"
    # A spokesperson's grant comes from an undertaking, not from an agreement.
    return f"grantee_user_id = {holder('actor')} AND {GRANT_IN_FORCE}"


def _followed(shield: Shield, holder: Holder) -> str:
    mine = f"caseworker_id = {holder('actor')}"
    if shield.shape is Shape.case:
        return mine
    # Written rows only, a handful a statement: the correlated test is cheap here.
    return f"EXISTS (SELECT 1 FROM cases parent WHERE parent.id = {shield.table}.case_id AND {mine})"


def _granted(shield: Shield, reach: Reach, holder: Holder) -> str:
    given = grantee(reach, holder)
    if shield.table == "case_grants":
        return f"({given})"
    case = "id" if shield.shape is Shape.case else "case_id"
    within = f"{case} IN (SELECT case_grants.case_id FROM case_grants WHERE {given})"
    if reach is Reach.granted and shield.host is not None:
        # Another organization's offer on the same case is none of this one's business.
        return f"({shield.host.format(organization=holder('organization'))} AND {within})"
    return within
