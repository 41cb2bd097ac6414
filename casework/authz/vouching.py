"""What no row says of itself, compiled to PostgreSQL: who may vouch for an account (`policy.VOUCHERS`, ADR 0011), and
who may have a glass broken for them (ADR 0014), whatever statement asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casework.authz.policy import POLICY, VOUCHERS, Permission, Reach

if TYPE_CHECKING:
    from collections.abc import Mapping

    from casework.authz.policy import Role
    from casework.authz.predicates import Holder

MAY_VOUCH = "may_vouch(text, uuid, text, text, uuid, text)"
VOUCHES_FOR = "vouches_for(uuid, text, uuid, text)"
MAY_BREAK = "may_break(uuid)"
WAS_BROKEN = "was_broken(uuid, uuid, uuid, timestamptz)"
WITHIN: Mapping[Reach, str] = {
    Reach.all: "true",
    Reach.organization: "organization = voucher_organization",
    Reach.region: "region = voucher_region",
}


def function() -> str:
    """Both functions: for one grant, and for everything an account holds or was proposed."""
    rules = " OR ".join(
        _rule(granted, voucher, reach) for granted, row in VOUCHERS.items() for voucher, reach in row.items()
    )
    return f"""
CREATE OR REPLACE FUNCTION authz.may_vouch(
  granted text, organization uuid, region text, voucher text, voucher_organization uuid, voucher_region text
) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce({rules}, false)
$$;
REVOKE ALL ON FUNCTION authz.may_vouch(text, uuid, text, text, uuid, text) FROM PUBLIC;
CREATE OR REPLACE FUNCTION authz.vouches_for(
  account uuid, voucher text, voucher_organization uuid, voucher_region text
) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(bool_and(authz.may_vouch(
    g.role, g.organization_id, g.region_code, voucher, voucher_organization, voucher_region)), false)
  FROM public.role_grants g
  WHERE g.user_id = account AND g.revoked_at IS NULL AND (g.valid_until IS NULL OR g.valid_until > now())
$$;
REVOKE ALL ON FUNCTION authz.vouches_for(uuid, text, uuid, text) FROM PUBLIC"""


def glass() -> str:
    """Both functions: the role that may break a glass is held now; a grant is the one that a broken glass gives."""
    breakers = ", ".join(f"'{role}'" for role in POLICY[Permission.break_glass_open])
    return f"""
CREATE OR REPLACE FUNCTION authz.may_break(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT EXISTS (SELECT FROM authz.holders() h WHERE h.actor = person AND h.role IN ({breakers}))
$$;
REVOKE ALL ON FUNCTION authz.may_break(uuid) FROM PUBLIC;
CREATE OR REPLACE FUNCTION authz.was_broken(glass uuid, opened uuid, person uuid, until timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.glass_breaks g
    WHERE g.id = glass AND g.case_id = opened AND g.user_id = person AND g.ends_at = until)
$$;
REVOKE ALL ON FUNCTION authz.was_broken(uuid, uuid, uuid, timestamptz) FROM PUBLIC"""


def _rule(granted: Role, voucher: Role, reach: Reach) -> str:
    return f"(granted = '{granted}' AND voucher = '{voucher}' AND {WITHIN[reach]})"


def within_reach(table: str, holder: Holder) -> str:
    """The predicate of `Reach.vouched` on grants, accounts, and passwords to be written."""
    own_id, voucher = holder("actor"), ", ".join(holder(name) for name in ("role", "organization", "region"))
    if table == "role_grants":
        return f"authz.may_vouch(role, organization_id, region_code, {voucher}) AND {own_id} IS NOT NULL"
    if table == "users":
        # Under the actor's own row security: the accounts behind the grants it sees.
        return f"id IN (SELECT g.user_id FROM role_grants g) AND {own_id} IS NOT NULL"
    return f"one_time AND user_id <> {own_id} AND authz.vouches_for(user_id, {voucher})"
