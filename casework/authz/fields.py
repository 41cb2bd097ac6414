"""What a request may carry: each field of a model says its group, the policy table says who writes it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from casework.authz.caller import Caller
from casework.authz.errors import FieldsNotYours
from casework.authz.policy import FieldGroup, Sight, sight
from casework.kernel.language import Text
from casework.kernel.problems import Fault
from casework.kernel.schemas import Input

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pydantic.fields import FieldInfo

MARK = "x-field-group"


def of(group: FieldGroup) -> Any:
    """`birth: Annotated[PartialDate, of(FieldGroup.birth)]`; the mark also stands in the OpenAPI document."""
    return Field(json_schema_extra={MARK: str(group)})


def group_of(field: FieldInfo) -> FieldGroup | None:
    extra = field.json_schema_extra
    return FieldGroup(str(extra[MARK])) if isinstance(extra, dict) and MARK in extra else None


def within_sight(endpoint: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The endpoint behind a check of what its body carries; raises FieldsNotYours before it runs."""

    @wraps(endpoint)
    async def checked(*arguments: Any, **named: Any) -> Any:
        caller = next((value for value in named.values() if isinstance(value, Caller)), None)
        if caller is not None and caller.checked:
            for body in named.values():
                if isinstance(body, Input):
                    refuse_unwritable(caller, body)
        return await endpoint(*arguments, **named)

    return checked


def refuse_unwritable(caller: Caller, body: Input) -> None:
    """Raises FieldsNotYours."""
    found = [(place, group) for place, group in _said(body, "") if sight(caller.role, group) is not Sight.write]
    if found:
        errors = [_fault(place, group) for place, group in found]
        raise FieldsNotYours(groups=", ".join(sorted({str(group) for _, group in found})), errors=errors)


def _said(value: Any, place: str) -> Iterator[tuple[str, FieldGroup]]:
    """JSON Pointer and group of every marked field that the request carries; what it leaves out is not said."""
    if isinstance(value, BaseModel):
        for name in sorted(value.model_fields_set):
            group, inner = group_of(type(value).model_fields[name]), getattr(value, name)
            if group is None:
                yield from _said(inner, f"{place}/{name}")
            elif inner not in (None, [], {}):
                yield f"{place}/{name}", group
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _said(item, f"{place}/{position}")


def _fault(place: str, group: FieldGroup) -> Fault:
    text = Text(f"Votre rôle n'écrit pas ce groupe : {group}.", f"Your role does not write this group: {group}.")
    return Fault(text, "field_not_yours", pointer=place)
