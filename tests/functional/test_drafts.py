"""What somebody has typed into the form of a release and not sent yet, as the server keeps it."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import times
from app.accounts.models import User, UserSession
from app.database import transaction
from app.drafts.models import Draft
from app.drafts.schema import CONTENT_LIMIT
from app.drafts.service import LIFETIME_DAYS
from app.limits import Allowance
from app.releases.models import Release
from app.webhooks.retention import delete_old
from tests.factories import Factory, Organisation
from tests.portal import list_all

NEW = "/drafts/release:new"
SCRIPT = {"Accept": "application/json"}


class Writer:
    """A window of the form of a release."""

    def __init__(self, make: Factory, owner: Organisation, browser: FlaskClient | None = None) -> None:
        self.browser = browser or make.browser(owner)
        self.product_id = make.product(owner).id
        self.window, self.key = uuid4().hex, uuid4().hex
        self.known: list[str] = []
        self.renew_token()

    def renew_token(self) -> None:
        """Asks for the token that a form is sent with now."""
        self.token = self.browser.get("/drafts/sender").get_json()["csrfToken"]

    def send(self, method: str, path: str, body: Any) -> TestResponse:
        """Sends JSON as the script does."""
        return self.browser.open(path, method=method, json=body, headers={"X-CSRFToken": self.token})

    def write(self, name: str, path: str = NEW, **members: Any) -> TestResponse:
        """Has a text saved that is told by its name."""
        fields = {"name": [name], "version": ["1.0"], "platforms": ["linux", "mac"]}
        text = {"window": self.window, "mark": uuid4().hex, "known": self.known, "key": self.key, "fields": fields}
        return self.send("PUT", path, {**text, **members})

    def save(self, name: str, path: str = NEW, **members: Any) -> dict[str, Any]:
        """Has a text saved; gives what is told."""
        answer = self.write(name, path, **members)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.get_json()
        return told

    def read(self, path: str = NEW) -> dict[str, Any]:
        """Gives what is kept."""
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        kept: dict[str, Any] = answer.get_json()
        return kept

    def create(self, **fields: Any) -> TestResponse:
        """Sends the form by script."""
        form = {"name": "Rocket", "version": "1.0", "channel": "stable", "productId": self.product_id, "notes": ""}
        typed = {"csrf_token": self.token, "idempotencyKey": self.key, **form, **fields}
        return self.browser.post("/releases", data=typed, headers=SCRIPT)


@pytest.fixture
def writer(make: Factory, owner: Organisation) -> Writer:
    """A window of its own browser."""
    return Writer(make, owner)


def name_texts(kept: dict[str, Any]) -> list[str]:
    """Gives the names in the texts that are kept, the newest first."""
    return [text["fields"]["name"][0] for text in ([kept["draft"]] if kept["draft"] else []) + kept["others"]]


def set_role(role: str) -> None:
    """Gives everybody a role."""
    with transaction() as session:
        session.execute(update(User).values(role=role))


def test_a_text_is_kept_as_it_was_typed_whatever_it_holds(writer: Writer) -> None:
    odd = {"notes": ["\x00 \ud83d \U0001f680\r\n\u2028"], "version": ["v1..", ""], "isOld": []}
    saved = writer.save("", fields=odd)
    kept = writer.read()
    assert kept["draft"]["fields"] == saved["draft"]["fields"] == odd
    assert (kept["draft"]["key"], kept["others"], kept["made"]) == (writer.key, [], None)
    assert times.parse_time(kept["draft"]["savedAt"]) is not None
    writer.save("again")
    assert name_texts(writer.read()) == ["again"]
    assert list_all(Draft.revision) == [2]


def test_the_newest_text_wins_and_the_one_that_it_did_not_know_can_still_be_had(
    make: Factory, owner: Organisation, writer: Writer
) -> None:
    other = Writer(make, owner)
    first = writer.save("first")
    told = other.save("second")
    assert (told["unseen"]["fields"]["name"], told["unseen"]["key"]) == (["first"], writer.key)
    assert name_texts(other.read()) == ["second", "first"]
    # Each window has one text, and is told of the other's once.
    assert writer.save("first, longer")["unseen"]["fields"]["name"] == ["second"]
    assert writer.save("first, longest")["unseen"] is None
    assert name_texts(writer.read()) == ["first, longest", "second"]
    # Who has seen a text goes on with it, and of an equal one there is nothing to tell.
    third = Writer(make, owner)
    seen = third.read()["draft"]["mark"]
    assert third.save("first, and more", known=[seen])["unseen"] is None
    assert writer.save("first, and more")["unseen"] is None
    assert first["draft"]["window"] == writer.window


def test_no_more_than_a_few_texts_are_put_aside(make: Factory, owner: Organisation, writer: Writer) -> None:
    for number in range(6):
        writer.save(str(number), window=uuid4().hex)
    assert name_texts(writer.read()) == ["5", "4", "3", "2"]


def test_of_two_windows_that_begin_at_once_neither_loses_its_text(make: Factory, owner: Organisation) -> None:
    writers = [Writer(make, owner) for _ in range(3)]
    start = threading.Barrier(len(writers))

    def write(writer: Writer, name: str) -> None:
        start.wait()
        writer.save(name)

    threads = [threading.Thread(target=write, args=(one, name)) for one, name in zip(writers, "abc", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name_texts(writers[0].read())) == ["a", "b", "c"]


def test_discarding_leaves_what_was_not_seen(make: Factory, owner: Organisation, writer: Writer) -> None:
    mine = writer.save("mine")["draft"]["mark"]
    Writer(make, owner).save("theirs")
    assert writer.send("DELETE", NEW, {"known": [mine]}).status_code == 200
    kept = writer.read()
    assert name_texts(kept) == ["theirs"]
    assert writer.send("DELETE", NEW, {"known": [kept["draft"]["mark"]]}).status_code == 200
    assert list_all(Draft.id) == []


def test_what_was_sent_is_no_draft_any_more_and_a_late_save_does_not_bring_it_back(writer: Writer) -> None:
    writer.save("Rocket")
    answer = writer.create()
    (release_id,) = list_all(Release.id)
    assert answer.get_json() == {"location": f"/releases/{release_id}"}
    assert list_all(Draft.id) == []
    late = writer.save("Rocket")
    assert (late["draft"], late["made"]["url"], late["made"]["version"]) == (None, f"/releases/{release_id}", "1.0")
    assert list_all(Draft.id) == []
    # What the one who sent it reads later is once more told where it is, and the same sent again is nothing new.
    assert writer.read(f"{NEW}?key={writer.key}")["made"]["id"] == release_id
    assert writer.browser.get(f"/drafts/outcome?key={writer.key}").get_json()["made"]["id"] == release_id
    assert writer.create().get_json() == answer.get_json()


def test_what_was_refused_is_still_a_draft_and_another_text_stays(
    make: Factory, owner: Organisation, writer: Writer
) -> None:
    writer.save("Rocket")
    refused = writer.create(version="v")
    assert (refused.status_code, refused.mimetype) == (400, "text/html")
    assert name_texts(writer.read()) == ["Rocket"]
    assert writer.browser.get(f"/drafts/outcome?key={writer.key}").get_json()["made"] is None
    Writer(make, owner).save("Another")
    assert writer.create().status_code == 200
    assert name_texts(writer.read()) == ["Another"]


def test_a_release_that_is_there_already_is_what_came_of_the_key(writer: Writer) -> None:
    first = writer.create()
    writer.key = uuid4().hex
    writer.save("Rocket")
    assert writer.create().get_json() == first.get_json()
    assert (list_all(Draft.id), len(list_all(Release.id))) == ([], 1)


def test_the_form_that_changes_a_release_has_a_draft_of_its_own(writer: Writer) -> None:
    release_id = writer.create().get_json()["location"].rpartition("/")[2]
    path = f"/drafts/release:{release_id}"
    writer.save("New one", key=uuid4().hex)
    changed_at = writer.read(path)["changedAt"]
    assert writer.save("Changed", path, key="", base=changed_at)["changedAt"] == changed_at
    assert (name_texts(writer.read(path)), name_texts(writer.read())) == (["Changed"], ["New one"])
    form = {"name": "Changed", "version": "1.0", "channel": "stable", "productId": writer.product_id, "notes": ""}
    answer = writer.browser.post(
        f"/releases/{release_id}/edit", data={"csrf_token": writer.token, **form}, headers=SCRIPT
    )
    assert answer.get_json() == {"location": f"/releases/{release_id}"}
    kept = writer.read(path)
    assert (kept["draft"], kept["changedAt"] > changed_at) == (None, True)
    assert name_texts(writer.read()) == ["New one"]


def test_a_draft_belongs_to_one_user(make: Factory, owner: Organisation, writer: Writer) -> None:
    stranger = Writer(make, make.organisation())
    writer.save("mine")
    assert stranger.read()["draft"] is None
    assert stranger.read()["owner"] != writer.read()["owner"]
    writer.create()
    assert stranger.browser.get(f"/drafts/outcome?key={writer.key}").get_json()["made"] is None
    release_id = list_all(Release.id)[0]
    for subject in (f"release:{release_id}", f"release:{uuid4()}", "release:", "release:NEW", "webhook:new", "x"):
        for method in ("GET", "PUT"):
            body = {"window": "w" * 8, "mark": "m" * 8, "fields": {}} if method == "PUT" else None
            assert stranger.send(method, f"/drafts/{subject}", body).status_code == 404, (subject, method)


def test_who_is_signed_out_is_told_so_and_who_signed_in_again_needs_another_token(
    make: Factory, owner: Organisation, writer: Writer
) -> None:
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))
    assert writer.write("lost?").status_code == 401
    assert writer.browser.get("/drafts/sender").get_json()["owner"] is None
    again = Writer(make, owner)
    again.token = writer.token
    refused = again.write("not yet")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "csrf_failed")
    again.renew_token()
    assert again.save("kept")["draft"]["fields"]["name"] == ["kept"]


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("editor", 200), ("viewer", 403)])
def test_who_may_not_create_releases_keeps_no_drafts_here(writer: Writer, role: str, status: int) -> None:
    set_role(role)
    assert writer.write("x").status_code == status
    assert len(list_all(Draft.id)) == (status == 200)


WRONG: dict[str, dict[str, Any]] = {
    "no window": {"window": None},
    "a window that is no name": {"window": "\x00" * 9},
    "a mark that is too long": {"mark": "m" * 65},
    "known is no list": {"known": "x"},
    "known of too many": {"known": ["m" * 8] * 33},
    "a key with a space": {"key": "a b"},
    "a key that is no text": {"key": 7},
    "a base that is no time": {"base": "yesterday"},
    "no fields": {"fields": None},
    "fields that are a list": {"fields": ["name"]},
    "a value that is no list": {"fields": {"name": "x"}},
    "a number": {"fields": {"name": [1]}},
    "an odd name": {"fields": {"na me\x00": ["x"]}},
    "too many fields": {"fields": {f"field{number}": [] for number in range(101)}},
    "too many values": {"fields": {"name": [""] * 201}},
    "too much": {"fields": {"notes": ["x" * (CONTENT_LIMIT + 1)]}},
}


def test_what_can_be_no_text_of_a_form_is_refused(writer: Writer) -> None:
    for what, members in WRONG.items():
        answer = writer.write("x", **members)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "validation_failed"), what
    headers = {"X-CSRFToken": writer.token, "Content-Type": "application/json"}
    deep = b'{"a":' * 40 + b"1" + b"}" * 40
    for body in (b"", b"[]", b"{", deep, b'{"window":NaN}', b"\xff"):
        for method in ("PUT", "DELETE"):
            answer = writer.browser.open(NEW, method=method, data=body, headers=headers)
            assert (answer.status_code, answer.is_json) == (400, True), (method, body)
    assert writer.browser.get("/drafts/outcome?key=a%20b").status_code == 400
    assert list_all(Draft.id) == []


def test_another_site_and_a_missing_token_change_nothing(writer: Writer) -> None:
    body = {"window": "w" * 8, "mark": "m" * 8, "fields": {}}
    assert writer.browser.put(NEW, json=body).status_code == 400
    foreign = {"X-CSRFToken": writer.token, "Origin": "https://evil.test"}
    assert writer.browser.put(NEW, json=body, headers=foreign).status_code == 400
    assert list_all(Draft.id) == []


def test_saving_too_often_is_told_and_when_to_come_back(
    app: Flask, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []

    def count(caller: str) -> Allowance:
        counted.append(caller)
        return Allowance(2, 0, 3, len(counted) > 2)

    monkeypatch.setattr(app.extensions["slipway"].limiter, "count", count)
    answers = [writer.write(str(number)) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[-1].headers["Retry-After"], len(set(counted))) == ("3", 1)


def test_what_nobody_has_come_back_to_is_deleted_in_the_end(writer: Writer) -> None:
    writer.save("old")
    for days, is_left in ((LIFETIME_DAYS - 1, True), (LIFETIME_DAYS + 1, False)):
        with transaction() as session:
            session.execute(update(Draft).values(updated_at=times.now() - timedelta(days=days)))
        delete_old()
        assert bool(list_all(Draft.id)) == is_left
