"""Who may what, as a committed picture, and the duties that must stay apart (access.md §1)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from casework import documentation, tables
from casework.authz import rls
from casework.authz.policy import (
    FIELDS,
    POLICY,
    VOUCHERS,
    Actor,
    FieldGroup,
    Permission,
    Reach,
    Role,
    Sight,
    SystemActor,
    permissions_of,
    reach_of,
    sight,
    sights_of,
)
from casework.authz.shields import SHIELDS
from casework.people.masks import MASKS

SNAPSHOT = Path(__file__).parent / "snapshots" / "policy.txt"
WRITE = "CASEWORK_WRITE_SNAPSHOTS"

OF_EVERYONE = {Permission.me_read, Permission.territory_read, Permission.draw_read}
ABOUT_CASES = {
    permission
    for permission in Permission
    if permission.partition(":")[0]
    in {"case", "consent", "access", "recommendation", "offer", "assignment", "milestone"}
}


def matrix() -> str:
    """One line for each permission and role, one for each group of fields and role; refusals are written out too."""
    lines = [
        f"{permission:24} {actor:24} {reach_of(actor, permission) or '-'}"
        for permission in Permission
        for actor in (*Role, *SystemActor)
    ]
    lines += [f"{'fields/' + group:24} {role:24} {sight(role, group)}" for group in FieldGroup for role in Role]
    return "\n".join(lines) + "\n"


def test_the_policy_is_the_one_that_was_reviewed() -> None:
    """A change of rights is a diff of this file: CASEWORK_WRITE_SNAPSHOTS=1 uv run pytest tests/test_policy.py"""
    if os.environ.get(WRITE):
        SNAPSHOT.write_text(matrix(), encoding="utf-8")
    assert matrix() == SNAPSHOT.read_text(encoding="utf-8")


def test_every_permission_has_a_row_and_every_row_somebody() -> None:
    assert set(POLICY) == set(Permission)
    assert all(POLICY.values())


# Separation of duties


def test_the_administrator_manages_accounts_and_reads_no_case() -> None:
    held = set(permissions_of(Role.administrator)) - OF_EVERYONE
    assert held == {
        Permission.user_read,
        Permission.user_manage,
        Permission.grant_read,
        Permission.grant_propose,
        Permission.grant_approve,
        Permission.grant_revoke,
        Permission.password_issue,
        Permission.api_client_read,
        Permission.api_client_manage,
    }
    assert sights_of(Role.administrator) == {}


def test_the_administrator_vouches_for_administrators_only_and_never_holds_a_clients_secret() -> None:
    assert [role for role, row in VOUCHERS.items() if Role.administrator in row] == [Role.administrator]
    assert reach_of(Role.administrator, Permission.password_issue) is Reach.vouched
    assert reach_of(Role.administrator, Permission.client_secret_manage) is None


def test_nobody_but_the_administrator_manages_accounts() -> None:
    for permission in (
        Permission.user_read,
        Permission.user_manage,
        Permission.grant_propose,
        Permission.grant_revoke,
        Permission.api_client_manage,
    ):
        assert set(POLICY[permission]) == {Role.administrator, SystemActor.operator}


@pytest.mark.parametrize("granted", Role)
def test_nobody_vouches_for_a_role_that_sees_more_than_their_own(granted: Role) -> None:
    """Whoever could act as the account gains nothing by it: no field, no row, no log beyond their own."""
    about_rows = {p for p in Permission if p.endswith(":read")} - {Permission.api_client_read, Permission.grant_read}
    assert VOUCHERS[granted]
    for voucher, reach in VOUCHERS[granted].items():
        assert all(seen(granted, group) <= seen(voucher, group) for group in FieldGroup), voucher
        for permission in about_rows:
            theirs, own = reach_of(granted, permission), reach_of(voucher, permission)
            assert theirs is None or own is Reach.all or own == theirs, (voucher, permission)
        # The same kind of reach says the same rows only within one's own organization or region.
        assert reach is Reach.all or reach in {Reach.organization, Reach.region}
        if voucher is granted and reach is Reach.all:
            assert reach_of(voucher, Permission.case_read) in {None, Reach.all}


def seen(role: Role, group: FieldGroup) -> int:
    """How much of a group: writing shows no more than reading."""
    shown = [Sight.hide, Sight.mask, Sight.read]
    return shown.index(Sight.read if sight(role, group).whole else sight(role, group))


def test_the_auditor_reads_the_logs_and_nothing_they_are_about() -> None:
    held = set(permissions_of(Role.auditor)) - OF_EVERYONE
    registers = {Permission.incident_read, Permission.retention_read}
    vouching = {Permission.grant_read, Permission.grant_approve, Permission.password_issue}
    assert held == {Permission.milestone_log_read, Permission.log_read, Permission.log_cosign} | registers | vouching
    assert [role for role, row in VOUCHERS.items() if Role.auditor in row] == [Role.auditor]
    assert sights_of(Role.auditor) == {}


def test_nobody_who_writes_into_the_log_reads_it() -> None:
    readers = set(POLICY[Permission.log_read]) | set(POLICY[Permission.milestone_log_read])
    assert readers == {Role.auditor}
    assert not readers & set(POLICY[Permission.milestone_record])


def test_a_partner_never_reaches_beyond_what_was_granted() -> None:
    reaches = {permission: POLICY[permission].get(Role.partner) for permission in ABOUT_CASES}
    assert set(reaches.values()) == {None, Reach.granted}
    assert not {Permission.case_create, Permission.case_update, Permission.offer_create} & {
        permission for permission, reach in reaches.items() if reach
    }


def test_a_partner_and_a_sponsor_see_neither_claim_nor_identifiers() -> None:
    hidden = {FieldGroup.identifiers, FieldGroup.claim, FieldGroup.preferences}
    for role in (Role.partner, Role.sponsor_spokesperson):
        assert not sights_of(role).keys() & hidden


def test_the_one_who_offers_a_place_is_not_the_one_who_takes_charge() -> None:
    assert not set(POLICY[Permission.offer_create]) & set(POLICY[Permission.assignment_answer])


def test_a_municipality_sees_its_places_and_no_household() -> None:
    assert not ABOUT_CASES & set(permissions_of(Role.municipal_viewer))
    assert sights_of(Role.municipal_viewer) == {}


@pytest.mark.parametrize("permission", sorted(ABOUT_CASES - {Permission.case_create, Permission.case_read}))
def test_what_one_does_with_a_case_never_reaches_further_than_reading_it(permission: Permission) -> None:
    wider = {Reach.own: {Reach.own, Reach.office, Reach.all}}
    for actor, reach in POLICY[permission].items():
        if isinstance(actor, Role):
            reading = reach_of(actor, Permission.case_read)
            assert reading in wider.get(reach, {reach, Reach.all}), actor


def test_each_hand_of_the_server_holds_only_its_own_work() -> None:
    hands: dict[Actor, set[Permission]] = {
        SystemActor.authenticator: {Permission.identity_read, Permission.identity_write},
        SystemActor.sequencer: {Permission.log_sequence},
        SystemActor.expiry: {
            Permission.offer_expire,
            Permission.offer_read,
            Permission.capacity_hold,
            Permission.capacity_read,
        },
        SystemActor.keeper: {Permission.key_rotate},
        SystemActor.planner: {Permission.placement_run_solve},
        SystemActor.mover: {Permission.site_closure_run},
        SystemActor.glazier: {Permission.break_glass_grant},
        # What a person reads of one case under a broken glass; nothing is written under it.
        SystemActor.emergency: {
            Permission.case_read,
            Permission.milestone_read,
        },
        SystemActor.retention: {Permission.retention_apply},
        SystemActor.sentinel: {Permission.security_event_record},
        SystemActor.operator: {
            Permission.user_read,
            Permission.user_manage,
            Permission.grant_read,
            Permission.grant_propose,
            Permission.grant_revoke,
            Permission.password_issue,
            Permission.api_client_read,
            Permission.api_client_manage,
            Permission.client_secret_manage,
        },
    }
    assert {actor: set(permissions_of(actor)) for actor in SystemActor} == hands


def test_only_the_staff_of_cases_writes_what_a_case_says() -> None:
    writers = {actor for sights in FIELDS.values() for actor, found in sights.items() if found is Sight.write}
    # The keeper seals again what was written, under a newer key.
    staff = {Role.intake_worker, Role.caseworker, Role.coordinator, Role.programme_manager}
    assert writers == {*staff, SystemActor.keeper}


def test_a_broken_glass_lets_nobody_write() -> None:
    assert {sights.get(SystemActor.emergency, Sight.hide) for sights in FIELDS.values()} == {Sight.hide, Sight.read}


def test_where_a_threatened_person_lives_is_for_those_who_decide_about_the_case() -> None:
    seers = {role for role in Role if sight(role, FieldGroup.sealed_address).shows}
    assert seers == {Role.caseworker, Role.programme_manager} == set(POLICY[Permission.sealed_address_read])


def test_nobody_writes_down_the_consent_of_a_household_they_never_meet() -> None:
    writers = {role for role in Role if sight(role, FieldGroup.consents) is Sight.write}
    assert writers == {Role.intake_worker, Role.caseworker, Role.coordinator}


def test_whoever_takes_a_household_in_writes_the_name_and_birth_it_gives() -> None:
    for role in POLICY[Permission.case_create]:
        assert {sight(role, group) for group in (FieldGroup.names, FieldGroup.birth)} == {Sight.write}, role


def test_a_group_is_seen_by_no_role_that_reads_no_case() -> None:
    for group, sights in FIELDS.items():
        seers = {role for role, found in sights.items() if found.shows} - {SystemActor.keeper}
        assert seers <= set(POLICY[Permission.case_read]), group


def test_every_masked_cell_has_its_mask_and_every_mask_its_cell() -> None:
    assert {group for group, sights in FIELDS.items() if Sight.mask in sights.values()} == set(MASKS)


# What is compiled from it


def test_every_table_has_its_shield() -> None:
    assert sorted(shield.table for shield in SHIELDS) == sorted(tables.metadata.tables)


def test_a_change_of_rights_is_a_change_of_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rls.fingerprint()
    row = {**POLICY[Permission.case_close], Role.partner: Reach.granted}
    monkeypatch.setattr(rls, "POLICY", {**POLICY, Permission.case_close: row})
    assert rls.fingerprint() != before


def test_the_wall_is_the_same_in_every_process() -> None:
    """Sets have no order: a fingerprint that depended on one would refuse every other boot."""
    program = "from casework.authz import rls; print(rls.fingerprint())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert found == {rls.fingerprint()}


@pytest.mark.parametrize("name", sorted(documentation.pages()))
def test_the_committed_page_is_the_one_the_code_writes(name: str, checkout: Path) -> None:
    """`uv run python -m casework.documentation` writes the pages again."""
    assert (checkout / "docs" / name).read_text(encoding="utf-8") == documentation.pages()[name]
