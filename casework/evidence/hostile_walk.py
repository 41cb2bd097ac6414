"""The corpus crossed over every operation, parameter, header and body field of the OpenAPI document itself."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from casework.authz.policy import Permission, permissions_of
from casework.demo.families import family
from casework.demo.world import USERS
from casework.evidence.hostile_corpus import BODIES, HEADERS, MARK, METHODS, TEXTS, VALUES
from casework.evidence.hostile_wire import SHAPES
from casework.kernel import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE = "@@here@@"
ABSENT = "01890000-0000-7000-8000-000000000000"
MERGE_PATCH = "application/merge-patch+json"
# What a refusal may say for reasons of its own: the media type it expects.
SPOKEN = {"Content-Type"}


class Place(NamedTuple):
    """One hostile input at one place of one operation; small, so that all of them can be listed and shuffled."""

    method: str
    path: str
    kind: str
    name: str
    value: Any
    # Before whom: a user whose role holds the permission, or another one.
    able: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it leaves; `needle` must not come back in a refusal, `language` is None when it is itself hostile."""

    raw: bytes
    method: str
    where: str
    needle: str = ""
    language: str | None = None
    wire: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """The document, tokens by user name, and ids that exist, by the name of the field or parameter that takes them."""

    document: Mapping[str, Any]
    token: Callable[[str], str]
    known: Mapping[str, list[str]]
    rng: random.Random
    _users: dict[tuple[Permission, bool], str] = field(default_factory=dict)

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def places(self) -> Iterator[Place]:
        for place in self._each_place():
            yield place
            yield place._replace(able=False)

    def _each_place(self) -> Iterator[Place]:
        for method, path, operation in self.operations():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] in {"path", "query"}:
                    yield from (Place(method, path, parameter["in"], parameter["name"], text) for text in TEXTS)
            yield from (Place(method, path, "query", "surprise", text) for text in TEXTS)
            yield from (Place(method, path, "twice", text, text) for text in ("limit", "cursor", "status", "log"))
            for name, values in HEADERS:
                yield from (Place(method, path, "header", name, value) for value in values)
            yield from (Place(method, path, "body", "", body) for body in BODIES)
            for pointer in pointers(self._body(operation)):
                yield from (Place(method, path, "field", pointer, value) for value in VALUES)
            yield from (Place(other, path, "method", "", "") for other in METHODS if other.lower() != method.lower())
            yield from (Place(method, path, "wire", shape, "") for shape in SHAPES)

    def sent(self, place: Place) -> Sent:
        operation = self.document["paths"][place.path].get(place.method.lower(), {})
        language = self.rng.choice(("fr", "en"))
        headers = {
            "Host": b"127.0.0.1",
            "Accept-Language": language.encode(),
            **self.authority(operation, able=place.able),
        }
        path, body, needle = self._address(operation, place), b"", ""
        if place.kind == "wire":
            token = headers.get("Authorization", b"Bearer x")[7:]
            raw = SHAPES[place.name].replace(b"{path}", path.encode()).replace(b"{token}", token)
            return Sent(raw, place.method, f"wire {place.name} {place.path}", wire=True)
        if "requestBody" in operation:
            body = json.dumps(self._body(operation)).encode()
            headers["Content-Type"] = self._media(operation, place.method)
        if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ())):
            headers["If-Match"] = b'"1"'
        if any(parameter["name"] == "X-Purpose-of-Use" for parameter in operation.get("parameters", ())):
            headers["X-Purpose-of-Use"] = b"case_management"
        if place.kind == "field":
            whole = json.dumps(replaced(self._body(operation), place.name, HERE))
            body = whole.replace(f'"{HERE}"', place.value).encode()
            needle = _needle(place.value.strip('"'))
        elif place.kind == "body":
            body = place.value
        elif place.kind == "header":
            headers[place.name] = place.value
            needle = "" if place.name in SPOKEN else _needle(place.value.decode("latin-1"))
        elif place.kind in {"path", "query"}:
            needle = _needle(unquote(place.value))
        if body or place.method == "POST":
            headers["Content-Length"] = str(len(body)).encode()
        head = f"{place.method} {path} HTTP/1.1\r\n".encode()
        lines = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in headers.items())
        where = f"{place.method} {place.path} {place.kind} {place.name} {str(place.value)[:80]}"
        spoken = None if place.name == "Accept-Language" else language
        return Sent(head + lines + b"\r\n" + body, place.method, where, needle, spoken)

    def authority(self, operation: Mapping[str, Any], *, able: bool = True) -> dict[str, bytes]:
        permission = operation.get("x-permission")
        if permission is None:
            return {}
        user = self._user(Permission(permission), able=able)
        return {"Authorization": b"Bearer " + self.token(user).encode()}

    def _user(self, permission: Permission, *, able: bool) -> str:
        """One whose role holds the permission, camille where she does; or one who lacks it, or reaches other rows."""
        if (permission, able) not in self._users:
            holders = [name for name, _, role, *_ in USERS if permission in permissions_of(role)]
            others = [name for name, *_ in USERS if name not in holders] or [holders[-1]]
            preferred = "camille" if "camille" in holders else holders[0]
            self._users[permission, able] = preferred if able else self.rng.choice(others)
        return self._users[permission, able]

    def _address(self, operation: Mapping[str, Any], place: Place) -> str:
        path, query = place.path, []
        for parameter in operation.get("parameters", ()):
            name = parameter["name"]
            if parameter["in"] == "path":
                given = place.value if (place.kind, place.name) == ("path", name) else self._one(name)
                path = path.replace("{" + name + "}", given)
            elif parameter["in"] == "query" and parameter.get("required") and place.name != name:
                query.append(f"{name}={self._instance(parameter['schema'], name)}")
        path = path.replace("{", "%7B").replace("}", "%7D")
        if place.kind == "query":
            query.append(f"{place.name}={place.value}")
        elif place.kind == "twice":
            query += [f"{place.name}=1", f"{place.name}=2"]
        # What would end the request line early is the wire's matter.
        address = path + ("?" + "&".join(query) if query else "")
        return address.replace(" ", "%20")

    def _one(self, name: str) -> str:
        return self.rng.choice(self.known.get(name) or [ABSENT])

    def _media(self, operation: Mapping[str, Any], method: str) -> bytes:
        media = next(iter(operation["requestBody"]["content"]))
        return (MERGE_PATCH if method == "PATCH" else str(media)).encode()

    def _body(self, operation: Mapping[str, Any]) -> Any:
        if "requestBody" not in operation:
            return None
        content = next(iter(operation["requestBody"]["content"].values()))
        if content["schema"].get("$ref", "").endswith("/CaseCreate"):
            return {**family(self.rng.randrange(10**6)).body, "external_id": f"hostile-{self.rng.randrange(10**12)}"}
        return self._instance(content["schema"], "")

    def _instance(self, schema: Mapping[str, Any], name: str) -> Any:
        """A value the schema allows, every optional member present; ids that exist where the name says which."""
        if "anyOf" in schema:
            schema = schema["anyOf"][0]
        if "$ref" in schema:
            return self._instance(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], name)
        if "const" in schema or "enum" in schema:
            return schema.get("const") or schema["enum"][0]
        kind = schema.get("type", "")
        if kind == "object":
            return {key: self._instance(one, key) for key, one in schema.get("properties", {}).items()}
        if kind == "array":
            return [self._instance(schema["items"], name)]
        plain: dict[str, Any] = {"integer": int(schema.get("minimum", 1)), "boolean": True}
        return plain[kind] if kind in plain else self._text(schema, name)

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        if name in self.known:
            return self._one(name)
        if schema.get("format") == "uuid":
            return ABSENT
        today = clock.today().isoformat()
        return {"date": today, "date-time": f"{today}T00:00:00Z"}.get(schema.get("format", ""), "fr")


def pointers(value: Any, prefix: str = "") -> Iterator[str]:
    """The JSON Pointer of every member and item, parents included; of lists the first item stands for all."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{prefix}/{key}"
            yield from pointers(one, f"{prefix}/{key}")
    elif isinstance(value, list) and value:
        yield f"{prefix}/0"
        yield from pointers(value[0], f"{prefix}/0")


def replaced(value: Any, pointer: str, new: Any) -> Any:
    """A copy with one place replaced; a place that this body does not have leaves it as it is."""
    head, _, rest = pointer[1:].partition("/")
    if isinstance(value, dict):
        return {
            key: (replaced(one, "/" + rest, new) if rest else new) if key == head else one for key, one in value.items()
        }
    if isinstance(value, list) and value:
        return [replaced(value[0], "/" + rest, new) if rest else new, *value[1:]]
    return value


def _needle(text: str) -> str:
    """What to look for in a refusal: the mark, or the input itself when it is long enough to be nobody else's word."""
    return MARK if MARK in text else text if len(text) >= 8 else ""
