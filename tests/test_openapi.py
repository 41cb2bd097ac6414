"""The published document: committed, valid, and as polite in French as in English."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from casework import serving
from casework.authz.guard import gates_of
from casework.authz.policy import POLICY, FieldGroup, Permission, Role, sight
from casework.kernel.problems import MEDIA_TYPE
from casework.surface import PUBLIC, routes_of

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI

FRENCH = re.compile(r"[éèêàçùœ]| (le|la|les|un|une|de|des|du|au|et|que|qui|ou|aucun|leur|je) |l'|d'|qu'", re.IGNORECASE)
NOT_ENGLISH = re.compile(r"[éèêàçùœ]|\b(le|la|les|une|des|du|et|est|qui|ou)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(serving.openapi_text())
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_the_committed_document_is_the_one_the_code_publishes(checkout: Path) -> None:
    """`uv run casework openapi > openapi/casework.json` writes it again; the diff is for review."""
    committed = (checkout / "openapi" / "casework.json").read_text(encoding="utf-8")
    assert committed == serving.openapi_text()


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    validator = jsonschema_rs.validator_for(OPENAPI_31)
    assert [f"{list(error.instance_path)}: {error.message}" for error in validator.iter_errors(document)] == []


def test_the_validator_refuses_what_is_not_openapi(document: dict[str, Any]) -> None:
    broken = copy.deepcopy(document)
    broken["paths"]["/v1/cases"]["get"]["responses"]["200"].pop("description")
    assert not jsonschema_rs.validator_for(OPENAPI_31).is_valid(broken)


def test_every_schema_is_valid_json_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))):
        place: Any = document
        for step in reference.split("/"):
            place = place[step]


def test_every_route_is_documented(document: dict[str, Any], application: FastAPI) -> None:
    documented = {(method, path) for method, path, _ in operations(document)}
    assert documented == {(method, path) for method, path, _ in routes_of(application)}


def test_operation_ids_are_unique_and_read_as_what_is_done(document: dict[str, Any]) -> None:
    found = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(found) == len(set(found))
    for name in found:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name), name


def test_every_operation_names_the_permission_of_its_gate(document: dict[str, Any], application: FastAPI) -> None:
    for method, path, route in routes_of(application):
        operation = document["paths"][path][method.lower()]
        if (method, path) in PUBLIC:
            assert operation["security"] == [], path
            assert "x-permission" not in operation, path
            continue
        permission = str(gates_of(route.dependant)[0].permission)
        assert operation["x-permission"] == permission, path
        assert operation["security"] == [{"oauth2": [permission]}], path
        assert f"`{permission}`" in operation["description"], path


def test_every_permission_is_a_scope(document: dict[str, Any]) -> None:
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    assert set(flow["scopes"]) == {str(permission) for permission in Permission}


def test_every_operation_and_scope_says_which_role_reaches_how_far(document: dict[str, Any]) -> None:
    flow = document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"]
    told = [operation for _, _, operation in operations(document) if "x-permission" in operation]
    assert told
    for operation in told:
        held = POLICY[Permission(operation["x-permission"])]
        assert operation["x-reach"] == {str(role): str(held[role]) for role in Role if role in held}
        for role, reach in operation["x-reach"].items():
            assert f"{role}: {reach}" in flow["scopes"][operation["x-permission"]]
            assert f"{role}: {reach}" in operation["description"]


def test_every_field_of_a_group_says_who_gets_what_of_it(document: dict[str, Any]) -> None:
    marked = [
        (name, field["x-field-group"], field)
        for name, schema in document["components"]["schemas"].items()
        for field in schema.get("properties", {}).values()
        if "x-field-group" in field
    ]
    # A sealed address has models of its own, nobody gives reasons when a household is taken in, and a representative
    # is appointed afterwards.
    for models, elsewhere in (
        ({"CaseRead", "MemberRead", "PersonRead"}, {FieldGroup.sealed_address}),
        ({"CaseCreate", "MemberCreate", "RepresentativeCreate"}, {FieldGroup.sealed_address, FieldGroup.reasons}),
    ):
        found = {group for name, group, _ in marked if name in models}
        assert found == set(FieldGroup) - elsewhere
    apart = {name for name, group, _ in marked if group == FieldGroup.sealed_address}
    assert apart == {"SealedAddressRead", "SealedAddressWrite"}
    for name, group, field in marked:
        for role, seen in field["x-sight"].items():
            assert seen == str(sight(Role(role), FieldGroup(group))), (name, group, role)
            assert f"{role}: {seen}" in field["description"]


def test_a_field_that_some_reader_does_not_get_is_never_required(document: dict[str, Any]) -> None:
    for name in ("CaseRead", "MemberRead"):
        schema = document["components"]["schemas"][name]
        for field, described in schema["properties"].items():
            if "hide" in described.get("x-sight", {}).values():
                assert field not in schema["required"], (name, field)


def test_every_guarded_operation_tells_its_refusals(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        if (method, path) in PUBLIC:
            continue
        for status in ("400", "401", "403", "503"):
            content = operation["responses"][status]["content"]
            assert content[MEDIA_TYPE]["schema"] == {"$ref": "#/components/schemas/Problem"}, (path, status)
        if "{" in path:
            assert "404" in operation["responses"], path


def test_every_refusal_behind_a_gate_is_the_one_shape(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400" and (method, path) not in PUBLIC:
                assert list(answer["content"]) == [MEDIA_TYPE], (path, status)
    assert "HTTPValidationError" not in json.dumps(document)


def test_every_operation_speaks_both_languages_french_first(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        french, english = operation["description"].split("\n\n")[:2]
        assert FRENCH.search(f" {french} "), (method, path, french)
        assert not NOT_ENGLISH.search(english), (method, path, english)
        assert french != english, (method, path)


def test_every_input_refuses_unknown_fields(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        body = operation.get("requestBody", {}).get("content", {})
        for media, content in body.items():
            if media.endswith("json") and "$ref" in content["schema"]:
                name = content["schema"]["$ref"].rpartition("/")[2]
                schema = document["components"]["schemas"][name]
                assert schema["additionalProperties"] is False, (method, path, name)
