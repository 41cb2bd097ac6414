"""Base of the request and answer models: unknown fields refused, bounded values, nothing implied."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from casework.kernel.language import Text

T = TypeVar("T")

INT4 = 2_147_483_647


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, allow_inf_nan=False, frozen=True)


class Output(BaseModel):
    """Answers have no defaults: a field forgotten is an error, never an invented value; what is not named stays in."""

    model_config = ConfigDict(extra="ignore", from_attributes=True)


class Page(Output, Generic[T]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


def _legible(value: str) -> str:
    """Something to see, and no control character but line ends and tabs. Joiners and marks of direction stay: Persian,
    Hindi and Arabic names need them."""
    kinds = [unicodedata.category(character) for character in value if character not in "\n\r\t"]
    if "Cc" in kinds or not any(kind[0] in "LNPSM" for kind in kinds):
        text = Text("Ce texte n'a rien de lisible.", "This text has nothing legible.")
        raise PydanticCustomError("illegible", "illegible", {"text": text})
    return value


_Legible = AfterValidator(_legible)
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), _Legible]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=4_000, strip_whitespace=True), _Legible]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
ExternalId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:/-]{1,100}$")]
RegionCode = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-7])$")]
GeoCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$")]
LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,8})?$")]
SmallInt = Annotated[int, Field(ge=0, le=10_000, strict=True)]
