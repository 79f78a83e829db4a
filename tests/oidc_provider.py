"""Starts OpenID providers as processes of their own, and goes their way as a browser does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.config_oidc import WELL_KNOWN
from tests.oidc_hostile import CLIENT_ID, CLIENT_SECRET
from tests.stack import PROJECT, find_free_port, wait_until

_START_SECONDS = 30.0


@dataclass(frozen=True)
class ProviderProcess:
    """A provider that runs."""

    issuer: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Slipway knows it."""
        return {
            "OIDC_DISCOVERY_URL": f"{self.issuer}{WELL_KNOWN}",
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "OIDC_NAME": "Example ID",
        }

    def set_user(self, subject: str, **claims: Any) -> None:
        """Tells the mock provider of somebody who can sign in there."""
        self._send("PUT", f"/users/{subject}", claims)

    def control(self, **told: Any) -> None:
        """Tells our own provider what to do from now on."""
        self._send("PUT", "/control", told)

    def sign_job(self, claims: dict[str, Any], **told: Any) -> str:
        """Has our own provider sign the claims of a job of CI; gives the identity token."""
        signed: dict[str, str] = self._send("POST", "/identity-token", {"claims": claims, **told})
        return signed["token"]

    def read_log(self) -> list[str]:
        """Gives the paths that our own provider was asked since then."""
        found: list[str] = self._send("GET", "/log")
        return found

    def visit(self, url: str, form: str | None = None) -> str:
        """Goes to an address of the provider as a browser does, or sends a form to it; gives where that leads."""
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=10)) as connection:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request("POST" if form else "GET", f"{parts.path}?{parts.query}", form, headers)
            answer = connection.getresponse()
            location = answer.getheader("Location")
            assert location is not None, answer.read()
        return location

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.issuer}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def run_own_provider() -> Iterator[ProviderProcess]:
    """Runs the provider of ``tests.oidc_hostile``."""
    port = find_free_port()
    with _run(port, "-m", "tests.oidc_hostile", str(port)) as provider:
        yield provider


@contextmanager
def run_mock_provider() -> Iterator[ProviderProcess]:
    """Runs a provider that is not ours: oidc-provider-mock."""
    port = find_free_port()
    with _run(port, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true") as provider:
        yield provider


@contextmanager
def _run(port: int, *arguments: str) -> Iterator[ProviderProcess]:
    provider = ProviderProcess(f"http://127.0.0.1:{port}")
    # Not measured, and none of our settings: it is not a part of Slipway.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: process.poll() is not None or _is_up(provider), _START_SECONDS, "the provider answers")
        assert process.poll() is None, "the provider has ended"
        yield provider
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_up(provider: ProviderProcess) -> bool:
    try:
        urllib.request.urlopen(f"{provider.issuer}{WELL_KNOWN}", timeout=1).close()
    except OSError:
        return False
    return True
