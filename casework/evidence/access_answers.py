"""The exact fields of an answer, predicted for a role from the models, the field groups, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from casework.authz.fields import group_of
from casework.authz.policy import FieldGroup, Role, Sight
from casework.evidence.access_oracle import SIGHTS
from casework.kernel.partial_date import PartialDate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic.fields import FieldInfo

    from casework.evidence.access_stage import Player

Model = type[BaseModel]
# Said here once more, whatever the models say of themselves.
GROUPS: Final[Mapping[tuple[str, str], FieldGroup]] = {
    ("CaseRead", "needs"): FieldGroup.needs,
    ("CaseRead", "preferences"): FieldGroup.preferences,
    ("CaseRead", "consents"): FieldGroup.consents,
    ("CaseRead", "claim"): FieldGroup.claim,
    ("CaseRead", "close_reason"): FieldGroup.reasons,
    ("OfferRead", "reason"): FieldGroup.reasons,
    ("OfferRead", "withdraw_reason"): FieldGroup.reasons,
    ("AssignmentRead", "end_reason"): FieldGroup.reasons,
    ("OfferRead", "hearings_pending"): FieldGroup.claim,
    ("AssignmentRead", "hearings_pending"): FieldGroup.claim,
    ("SealedAddressRead", "contact"): FieldGroup.sealed_address,
    ("MemberRead", "name"): FieldGroup.names,
    ("MemberRead", "birth"): FieldGroup.birth,
    ("MemberRead", "contact"): FieldGroup.contact,
    ("MemberRead", "identifiers"): FieldGroup.identifiers,
    ("MergeRead", "reason"): FieldGroup.reasons,
    ("PersonRead", "name"): FieldGroup.names,
    ("PersonRead", "birth"): FieldGroup.birth,
    ("PersonRead", "death"): FieldGroup.birth,
    ("PersonRead", "contact"): FieldGroup.contact,
    ("PersonRead", "description"): FieldGroup.self_description,
    ("PersonRead", "identifiers"): FieldGroup.identifiers,
    ("PersonRead", "representatives"): FieldGroup.representative,
    ("PersonVersionRead", "name"): FieldGroup.names,
    ("PersonVersionRead", "birth"): FieldGroup.birth,
    ("PersonVersionRead", "contact"): FieldGroup.contact,
    ("PersonVersionRead", "description"): FieldGroup.self_description,
}
# May be absent for want of anything to say; or because whoever ended a stay lost sight of the case by that very act.
SOMETIMES: Final = frozenset({("MemberRead", "contact"), ("AssignmentRead", "end_reason")})


def _words_of_another(who: Player, milestone: Any) -> bool:
    """Case staff read every note; an organization its own, a spokesperson what they wrote (access.md §1)."""
    if who.role is Role.partner:
        return bool(milestone["organization_id"] != str(who.organization_id))
    return who.role is Role.sponsor_spokesperson and milestone["recorded_by"] != str(who.id)


# Fields that stay in the answer and are null for whom they are not meant.
NULL: Final[Mapping[tuple[str, str], Callable[[Player, Any], bool]]] = {
    ("MilestoneRead", "note"): _words_of_another,
}


def _year_at_most(day: Any) -> bool:
    return day["precision"] in {"year", "unknown"}


def _unusable(contact: Any) -> bool:
    return "address" not in contact and "•" in "".join(contact.values())


# What a masked value looks like.
MASKED: Final[Mapping[tuple[str, str], Callable[[Any], bool]]] = {
    ("MemberRead", "birth"): _year_at_most,
    ("MemberRead", "contact"): _unusable,
    ("PersonRead", "birth"): _year_at_most,
    ("PersonRead", "death"): _year_at_most,
    ("PersonRead", "contact"): _unusable,
}


@dataclass(slots=True)
class Shown:
    """Paths of an answer: those that had to be there, and what is wrong with the others."""

    paths: set[str] = field(default_factory=set)
    leaked: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def model_in(annotation: Any) -> Model | None:
    """The model inside `Annotated[list[M] | None, …]`, or none; a date is one value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if issubclass(annotation, PartialDate) else annotation
    if get_origin(annotation) in {Annotated, Union, UnionType, list}:
        inner = get_args(annotation)[:1] if get_origin(annotation) is Annotated else get_args(annotation)
        return next((found for one in inner if (found := model_in(one)) is not None), None)
    return None


def _declared(model: Model) -> dict[str, FieldInfo]:
    """Fields by the name they bear in an answer."""
    return {declared.serialization_alias or name: declared for name, declared in model.model_fields.items()}


def _group(model: Model, name: str) -> FieldGroup | None:
    return GROUPS.get((model.__name__, name)) or group_of(_declared(model)[name])


def paths(model: Model | None, place: str = "") -> Iterator[str]:
    """Every field that an answer of this model can carry: a refusal carries none of them."""
    if model is None:
        yield place or "body"
        return
    for name, declared in _declared(model).items():
        inner = None if _group(model, name) else model_in(declared.annotation)
        yield f"{place}{name}"
        if inner is not None:
            yield from paths(inner, f"{place}{name}.")


def compare(who: Player, model: Model, value: Any, shown: Shown, place: str = "") -> None:
    """Walk model and answer together; fields of lists count once, whatever the number of items."""
    for name in value.keys() - _declared(model).keys():
        shown.leaked.append(f"{place}{name} stands in no model")
    for name, declared in _declared(model).items():
        path, group, at = f"{place}{name}", _group(model, name), (model.__name__, name)
        shown.paths.add(path)
        seen = Sight.read if group is None else SIGHTS[who.role, group]
        if name not in value:
            if seen is not Sight.hide and at not in SOMETIMES:
                shown.missing.append(path)
            continue
        if seen is Sight.hide:
            shown.leaked.append(f"{path} is hidden from {who.role}")
        _judge_value(who, at, seen, value, shown)
        inner = None if group else model_in(declared.annotation)
        if inner is not None:
            for item in value[name] if isinstance(value[name], list) else [value[name]]:
                if item is not None:
                    compare(who, inner, item, shown, f"{path}.")


def _judge_value(who: Player, at: tuple[str, str], seen: Sight, value: Any, shown: Shown) -> None:
    said = value[at[1]]
    if said is None:
        return
    if at in NULL and NULL[at](who, value):
        shown.leaked.append(f"{at[1]} is kept from {who.role}")
    if seen is Sight.mask and not MASKED[at](said):
        shown.leaked.append(f"{at[1]} is not masked for {who.role}")
    if at == ("MilestoneRead", "evidence") and said["reference"] is not None and _words_of_another(who, value):
        shown.leaked.append("the evidence's reference is kept from them")
    if at == ("MilestoneRead", "void") and said["reason"] is not None and _words_of_another(who, value):
        shown.leaked.append("the void's reason is kept from them")
