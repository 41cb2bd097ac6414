"""What schemathesis makes of the OpenAPI document: inputs that break it, and inputs that fit it, for each operation."""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import hypothesis
import requests
import schemathesis
from schemathesis import GenerationMode

from casework.evidence.hostile_walk import Sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BASE = "http://127.0.0.1"


def generated(
    document: Mapping[str, Any], authority: Callable[[Mapping[str, Any]], dict[str, bytes]], each: int, seed: int
) -> Iterator[list[Sent]]:
    """One list an operation, of `each` negative and `each` positive inputs at most."""
    logging.getLogger("hypothesis").setLevel(logging.ERROR)
    schema = schemathesis.openapi.from_dict(dict(document))
    for found in schema.get_all_operations():
        operation = cast("Any", found).ok()
        made: list[Sent] = []
        for mode in (GenerationMode.NEGATIVE, GenerationMode.POSITIVE):

            @hypothesis.seed(seed)
            @hypothesis.settings(
                max_examples=each,
                database=None,
                deadline=None,
                phases=[hypothesis.Phase.generate],
                suppress_health_check=list(hypothesis.HealthCheck),
            )
            @hypothesis.given(operation.as_strategy(generation_mode=mode))
            def draw(case: Any) -> None:
                made.append(_sent(case, authority(operation.definition.raw)))  # noqa: B023 -- called within the turn

            # An operation without parameters has nothing to negate.
            with warnings.catch_warnings(), suppress(hypothesis.errors.Unsatisfiable):
                warnings.simplefilter("ignore")
                draw()
        yield made


def _sent(case: Any, authority: dict[str, bytes]) -> Sent:
    told = case.as_transport_kwargs(base_url=BASE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = requests.Request(**{key: value for key, value in told.items() if key in REQUEST}).prepare()
    body = cast("str | bytes", prepared.body or b"")
    raw_body = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    headers = {"Host": b"127.0.0.1", "Accept-Language": b"en", **authority}
    headers |= {str(name): _bytes(value) for name, value in prepared.headers.items()}
    method = str(prepared.method)
    headers["Content-Length"] = str(len(raw_body)).encode()
    lines = b"".join(name.encode("latin-1", "replace") + b": " + value + b"\r\n" for name, value in headers.items())
    head = f"{method} {prepared.path_url} HTTP/1.1\r\n".encode()
    return Sent(head + lines + b"\r\n" + raw_body, method, f"schemathesis {method} {prepared.path_url[:80]}")


REQUEST = {"method", "url", "headers", "params", "data", "json", "cookies", "files"}


def _bytes(value: Any) -> bytes:
    found: bytes = value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
    return found.replace(b"\r", b" ").replace(b"\n", b" ")
