"""The npm package `oidc-provider`, installed from the committed lock file and started on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

if TYPE_CHECKING:
    from types import TracebackType

SOURCE = Path(__file__).with_name("oidc_provider")
ABSENT = "!! THE REAL OPENID CONNECT PROVIDER WAS NOT TRIED: {why} (tests/identity/test_provider.py)"
BACK = "http://127.0.0.1/back"


def installed(folder: Path) -> Path:
    """A copy of `oidc_provider` with its packages; skips the test, loudly, where Node or the registry is missing."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip(ABSENT.format(why="Node is absent"))
    for name in ("package.json", "package-lock.json", "server.mjs"):
        shutil.copy(SOURCE / name, folder)
    done = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(ABSENT.format(why="npm could not install it"))
    return folder


class RealProvider:
    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["node", "server.mjs"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.issuer: str = json.loads(self._process.stdout.readline())["issuer"]
        self._http = httpx.Client(base_url=self.issuer, timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, where: TracebackType | None
    ) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def control(self, what: str, **asked: Any) -> dict[str, Any]:
        told: dict[str, Any] = self._http.post(f"/control/{what}", json=asked).raise_for_status().json()
        return told

    def sign(self, payload: dict[str, Any], **header: Any) -> str:
        """A token that the provider's own key signs, whatever it says."""
        token: str = self.control("sign", payload=payload, header={"alg": "ES256", "typ": "at+jwt", **header})["token"]
        return token

    def by_client_credentials(self, resource: str = "urn:casework") -> str:
        form = {"grant_type": "client_credentials", "resource": resource, "scope": "case:read"}
        answer = self._http.post("/token", data=form, auth=("machine", "a-secret-of-the-tests"))
        token: str = answer.raise_for_status().json()["access_token"]
        return token

    def by_code(self, subject: str, scope: str = "openid profile case:read") -> dict[str, Any]:
        """Authorization code with PKCE (RFC 7636), as a front end does it: `access_token` and `id_token`."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": "front-end", "response_type": "code", "redirect_uri": BACK, "scope": scope,
            "code_challenge": challenge, "code_challenge_method": "S256", "login_hint": subject, "resource": "urn:casework",
        }  # fmt: skip
        with httpx.Client(base_url=self.issuer, timeout=10) as browser:
            answer = browser.get("/auth", params=asked)
            while not answer.headers["location"].startswith(BACK):
                answer = browser.get(answer.headers["location"])
        [code] = parse_qs(urlsplit(answer.headers["location"]).query)["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "front-end",
                "code_verifier": verifier, "resource": "urn:casework"}  # fmt: skip
        told: dict[str, Any] = self._http.post("/token", data=form).raise_for_status().json()
        return told
