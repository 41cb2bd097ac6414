"""Pure: what is left of a group of fields for a role that recognises a person and does not need the rest.

The one place where masking happens; each masked value keeps the shape of the whole one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from casework.authz.policy import FieldGroup, Role, Sight, sight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DOTS: Final = "•••"


def year_only(birth: dict[str, Any]) -> dict[str, Any]:
    """A date of birth or death known to the year; one that is unknown stays so."""
    value = birth["value"]
    return birth if value is None else {"value": value[:4], "precision": "year"}


def recognisable(contact: dict[str, Any]) -> dict[str, Any]:
    """The last two digits of the telephone and the first letter of the e-mail address; never where they live."""
    masked = {}
    if contact.get("phone"):
        masked["phone"] = DOTS + contact["phone"][-2:]
    if contact.get("email"):
        masked["email"] = contact["email"][:1] + DOTS
    return masked


MASKS: Final[Mapping[FieldGroup, Callable[[Any], Any]]] = {
    FieldGroup.birth: year_only,
    FieldGroup.contact: recognisable,
}


def as_seen(role: Role, group: FieldGroup, value: Any) -> Any:
    """The opened value as `role` sees it; for groups that are not hidden from it."""
    return MASKS[group](value) if sight(role, group) is Sight.mask else value
