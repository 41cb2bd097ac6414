"""pydantic's validation errors in the two languages, without the rejected input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from casework.kernel.language import Text
from casework.kernel.problems import Fault, InvalidContent, MalformedRequest, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

MESSAGES: dict[str, Text] = {
    "missing": Text("Ce champ est obligatoire.", "This field is required."),
    "extra_forbidden": Text("Ce champ n'est pas connu ici.", "This field is not known here."),
    "json_invalid": Text("Le corps n'est pas du JSON valide.", "The body is not valid JSON."),
    "string_type": Text("Un texte est attendu.", "A text is expected."),
    "string_too_short": Text("Ce texte est trop court.", "This text is too short."),
    "string_too_long": Text(
        "Ce texte est trop long (maximum {max_length}).", "This text is too long (at most {max_length})."
    ),
    "string_pattern_mismatch": Text(
        "Ce texte n'a pas la forme attendue.", "This text does not have the expected form."
    ),
    "enum": Text("Valeurs acceptées : {expected}.", "Accepted values: {expected}."),
    "literal_error": Text("Valeurs acceptées : {expected}.", "Accepted values: {expected}."),
    "uuid_parsing": Text("Un identifiant UUID est attendu.", "A UUID is expected."),
    "uuid_type": Text("Un identifiant UUID est attendu.", "A UUID is expected."),
    "int_type": Text("Un nombre entier est attendu.", "A whole number is expected."),
    "int_parsing": Text("Un nombre entier est attendu.", "A whole number is expected."),
    "int_parsing_size": Text("Ce nombre est trop grand.", "This number is too large."),
    "int_from_float": Text("Un nombre entier est attendu.", "A whole number is expected."),
    "bool_type": Text("Vrai ou faux est attendu.", "True or false is expected."),
    "bool_parsing": Text("Vrai ou faux est attendu.", "True or false is expected."),
    "greater_than_equal": Text("La valeur minimale est {ge}.", "The smallest value is {ge}."),
    "less_than_equal": Text("La valeur maximale est {le}.", "The largest value is {le}."),
    "greater_than": Text("La valeur doit dépasser {gt}.", "The value must exceed {gt}."),
    "too_long": Text("Trop d'éléments (maximum {max_length}).", "Too many items (at most {max_length})."),
    "too_short": Text("Pas assez d'éléments (minimum {min_length}).", "Too few items (at least {min_length})."),
    "list_type": Text("Une liste est attendue.", "A list is expected."),
    "model_type": Text("Un objet est attendu.", "An object is expected."),
    "model_attributes_type": Text("Un objet JSON est attendu.", "A JSON object is expected."),
    "dict_type": Text("Un objet est attendu.", "An object is expected."),
    "date_from_datetime_parsing": Text(
        "Une date AAAA-MM-JJ est attendue.", "A date in the form YYYY-MM-DD is expected."
    ),
    "date_parsing": Text("Une date AAAA-MM-JJ est attendue.", "A date in the form YYYY-MM-DD is expected."),
    "date_type": Text("Une date AAAA-MM-JJ est attendue.", "A date in the form YYYY-MM-DD is expected."),
}
OTHERWISE = Text("Cette valeur n'est pas acceptée.", "This value is not accepted.")


def from_validation(errors: Sequence[Any]) -> Problem:
    """400 when the request cannot be read or names an unknown or unusable parameter, 422 when its content is invalid."""
    faults = [_fault(error) for error in errors[:50]]
    malformed = any(error["type"] == "json_invalid" or error["loc"][:1] != ("body",) for error in errors)
    return MalformedRequest(errors=faults) if malformed else InvalidContent(errors=faults)


def _fault(error: dict[str, Any]) -> Fault:
    text = _message(error)
    # A rule about several fields of one object says which of them is wrong.
    named = (error.get("ctx") or {}).get("field")
    location = [str(part) for part in error["loc"]] + ([named] if isinstance(named, str) else [])
    if location[:1] == ["body"]:
        known = [] if error["type"] == "json_invalid" else location[1:]
        return Fault(text, error["type"], pointer=pointer(known, error["type"] == "extra_forbidden"))
    return Fault(text, error["type"], parameter=location[1] if len(location) > 1 else location[0])


def pointer(parts: Sequence[str], last_is_input: bool = False) -> str:
    """An RFC 6901 pointer; the name of an unknown field is the client's input and is not echoed."""
    kept = parts[:-1] if last_is_input else parts
    return "".join("/" + part.replace("~", "~0").replace("/", "~1")[:80] for part in kept)


def _message(error: dict[str, Any]) -> Text:
    context = error.get("ctx") or {}
    custom = context.get("text", getattr(context.get("error"), "text", None))
    if isinstance(custom, Text):
        return custom
    text = MESSAGES.get(error["type"], OTHERWISE)
    facts = {key: value for key, value in (error.get("ctx") or {}).items() if isinstance(value, int | float | str)}
    french = {key: str(value).replace(" or ", " ou ") for key, value in facts.items()}
    try:
        return Text(text.fr.format(**french), text.en.format(**facts))
    except KeyError:
        return OTHERWISE
