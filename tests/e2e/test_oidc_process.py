"""Slipway with two web processes, and a provider that is not ours, all over HTTP."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from flask import Flask

from app.oidc.models import Identity
from tests.factories import Factory
from tests.oidc_provider import ProviderProcess, run_mock_provider
from tests.portal import list_all
from tests.stack import Stack

pytestmark = pytest.mark.once


class Browser:
    """Keeps cookies, and opens a connection for each request, so that any process may serve it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str, str]:
        """Gives the status, where it leads, and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        connection.request("GET", path, headers={"Cookie": cookie, "Sec-Fetch-Site": "same-origin"})
        answer = connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            self._cookies |= {name: morsel.value for name, morsel in SimpleCookie(line).items()}
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.getheader("Location", ""), text


@pytest.fixture
def provider() -> Iterator[ProviderProcess]:
    """The provider."""
    with run_mock_provider() as process:
        yield process


def test_a_sign_in_goes_from_process_to_process(
    app: Flask, make: Factory, environment: dict[str, str], provider: ProviderProcess, tmp_path: Path
) -> None:
    owner = make.organisation()
    provider.set_user("42", email=owner.email, email_verified=True, name="Somebody")
    with Stack({**environment, **provider.environment}, tmp_path) as stack:
        stack.start_web("wsgi:app", 2)
        for _ in range(2):
            browser = Browser(stack.port)
            _, _, page = browser.get("/sign-in?next=/products")
            (button,) = re.findall(r'href="(/sign-in/oidc[^"]*)"', page)
            status, url, _ = browser.get(button)
            assert status == 303
            assert "code_challenge_method=S256" in url
            location = provider.visit(url, "sub=42")
            assert location.startswith(f"{stack.base_url}/sign-in/oidc/callback?")
            status, location, _ = browser.get(location.removeprefix(stack.base_url))
            assert (status, location) == (303, "/products"), stack.read_logs()
            assert browser.get("/products")[0] == 200
    assert list_all(Identity.subject) == ["42"]
