"""What a mask leaves: enough to recognise, never enough to use."""

from __future__ import annotations

import pytest

from casework.authz.policy import FieldGroup, Role
from casework.kernel.partial_date import PartialDate
from casework.people.masks import as_seen
from casework.people.schemas import Contact


@pytest.mark.parametrize(
    ("whole", "left"),
    [
        ({"value": "1988-02-29", "precision": "day"}, {"value": "1988", "precision": "year"}),
        ({"value": "1988-02", "precision": "month"}, {"value": "1988", "precision": "year"}),
        ({"value": "1988", "precision": "year"}, {"value": "1988", "precision": "year"}),
        ({"value": None, "precision": "unknown"}, {"value": None, "precision": "unknown"}),
    ],
)
def test_a_spokesperson_learns_the_year_of_birth_alone(whole: dict[str, str], left: dict[str, str]) -> None:
    seen = as_seen(Role.sponsor_spokesperson, FieldGroup.birth, whole)
    assert seen == left
    assert PartialDate.model_validate(seen).model_dump(mode="json") == left


def test_a_spokesperson_recognises_a_call_and_cannot_make_one() -> None:
    whole = {"phone": "+1 514 555 0142", "email": "orsane@exemple.test", "address": "12, rue Inventée"}
    seen = as_seen(Role.sponsor_spokesperson, FieldGroup.contact, whole)
    assert seen == {"phone": "•••42", "email": "o•••"}
    Contact.model_validate(seen)


def test_a_contact_of_an_address_alone_leaves_nothing() -> None:
    assert as_seen(Role.sponsor_spokesperson, FieldGroup.contact, {"address": "12, rue Inventée"}) == {}


@pytest.mark.parametrize("role", [Role.caseworker, Role.coordinator, Role.partner])
def test_a_role_that_reads_gets_the_value_as_it_was_told(role: Role) -> None:
    whole = {"value": "1988-02-29", "precision": "day"}
    assert as_seen(role, FieldGroup.birth, whole) == whole
