"""A form of the settings that is sent while the database is away comes back with everything that was typed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.accounts import user_sessions
from app.extensions import db
from app.members import invitations
from app.members.schema import parse_invitation
from tests.factories import Factory, Organisation
from tests.portal import Site, read_text

pytestmark = pytest.mark.once

UNCHANGED = "The database cannot be reached or is busy. Nothing was changed; try again."
FORMS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "/settings/members/invite": (
        {"email": "typed@example.test", "role": "viewer", "idempotencyKey": "once"},
        ('value="typed@example.test"', 'value="viewer" checked', 'value="once"'),
    ),
    "/settings/members/{member}/role": ({"role": "admin"}, ('value="admin" checked',)),
    "/settings/tokens/new": (
        {"name": "Typed", "scopes": ["user:read"], "expiry": "date", "expiresOn": "2031-01-01"},
        ('value="Typed"', 'value="user:read" checked', 'value="date" checked', 'value="2031-01-01"'),
    ),
    "/settings/organisation": (
        {"name": "Typed", "slug": "typed", "description": "Kept", "requiresTwoFactor": "on", "updatedAt": "then"},
        ('value="Typed"', 'value="typed"', "Kept</textarea>", " checked", 'value="then"'),
    ),
    "/products/{product}/trusted-publishers/new": (
        {"kind": "gitlab", "projectPath": "acme/typed", "configPath": "ci.yml", "ref": "main", "protectedOnly": "true"},
        ('value="acme/typed"', 'value="main"', " checked"),
    ),
    "/invitations/{link}": ({"name": "Typed", "password": "long enough for it"}, ('value="Typed"',)),
}


def go_away(*_: Any, **__: Any) -> None:
    """Fails as whatever asks a database that has gone."""
    raise OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)


@pytest.fixture(params=["before anything is asked", "before anything is written"])
def break_down(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets the database go away; from then on nothing can be asked either."""
    gone: list[bool] = []

    def fail(*arguments: Any) -> None:
        if gone or arguments[2].startswith(("INSERT", "UPDATE")):
            gone.append(True)
            go_away()

    def arm() -> None:
        if request.param == "before anything is asked":
            monkeypatch.setattr(user_sessions, "find_user", go_away)
            gone.append(True)
        event.listen(db.engine, "before_cursor_execute", fail)

    yield arm
    if event.contains(db.engine, "before_cursor_execute", fail):
        event.remove(db.engine, "before_cursor_execute", fail)


@pytest.mark.parametrize("path", FORMS)
def test_what_was_typed_comes_back(
    make: Factory, owner: Organisation, break_down: Callable[[], None], path: str
) -> None:
    site, member = Site(make, owner), make.member(owner, "viewer")
    invited = invitations.invite(owner.actor, parse_invitation("guest@example.test", "viewer"))
    assert invited.link is not None
    ids = {"member": member.actor.user_id, "product": make.product(owner).id if "{product}" in path else ""}
    target = path.format(**ids, link=invited.link.rpartition("/")[2])
    form, expected = FORMS[path]
    if "expiresOn" in form:
        # A date that is none of the past, nor too far off.
        page = site.get(target)
        form = {**form, "expiresOn": page.partition('max="')[2].partition('"')[0]}
        expected = (*expected[:-1], f'value="{form["expiresOn"]}"')
    break_down()
    answer = site.post(target, **form)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert UNCHANGED in read_text(answer.text)
    assert [part for part in expected if part not in answer.text] == []
    assert "Sign in again" not in answer.text
