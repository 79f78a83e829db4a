"""All real releases, through both doors, delivered to a receiver."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.releases.schema import NOTES_LIMIT
from tests.corpora import load_real_releases
from tests.factories import Factory, Organisation, find_csrf_token
from tests.receivers import Receiver
from tests.working import deliver_all

pytestmark = pytest.mark.once

RELEASES = load_real_releases()
FITTING = [release for release in RELEASES if len(release["notes"]) <= NOTES_LIMIT]
Send = Callable[[dict[str, Any]], tuple[bool, str]]


def build_api_door(make: Factory, owner: Organisation) -> Send:
    """Gives a function that sends a release to the API, and gives whether it was created and what was answered."""
    caller = make.caller(owner, "release:write")

    def send(raw: dict[str, Any]) -> tuple[bool, str]:
        answer = caller.post("/v3/releases", json=raw)
        return answer.status_code == 201, answer.text

    return send


def build_form_door(make: Factory, owner: Organisation) -> Send:
    """Gives a function that sends a release by the form, as a browser does, with CRLF at the end of lines."""
    browser = make.browser(owner)
    token = find_csrf_token(browser.get("/releases/new").text)

    def send(raw: dict[str, Any]) -> tuple[bool, str]:
        form = {**raw, "notes": raw["notes"].replace("\n", "\r\n"), "channel": "stable", "csrf_token": token}
        answer = browser.post("/releases", data=form)
        return answer.status_code == 303, answer.text

    return send


@pytest.mark.parametrize("build_door", [build_api_door, build_form_door], ids=["api", "form"])
def test_every_real_release_that_fits_is_created_and_delivered(
    app: Flask, make: Factory, build_door: Callable[[Factory, Organisation], Send]
) -> None:
    owner = make.organisation()
    products = {name: make.product(owner, name).id for name in {release["product"] for release in RELEASES}}
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        send = build_door(make, owner)
        for release in RELEASES:
            raw = {"name": release["version"], "version": release["version"], "notes": release["notes"]}
            is_created, answer = send({**raw, "productId": products[release["product"]]})
            assert is_created is (release in FITTING), answer
            if not is_created:
                expected = f"Notes must have at most {NOTES_LIMIT} characters; they have {len(release['notes'])}."
                assert expected in answer
        deliver_all(app)
    bodies = [json.loads(request.body) for request in receiver.requests]
    delivered = sorted((body["data"]["productId"], body["data"]["version"], body["data"]["notes"]) for body in bodies)
    expected_all = sorted((products[release["product"]], release["version"], release["notes"]) for release in FITTING)
    assert delivered == expected_all


def test_of_267_real_releases_249_fit() -> None:
    assert (len(RELEASES), len(FITTING)) == (267, 249)
