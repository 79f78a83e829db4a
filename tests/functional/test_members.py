"""Who belongs to an organisation: the list, roles, who is switched off, and what nobody may do to whom."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import tokens
from app.accounts.actors import Actor
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.exceptions import AuthenticationError, PermissionDeniedError, SlipwayError
from app.extensions import db
from app.members import membership
from tests.factories import PASSWORD, Factory, Organisation
from tests.portal import Site, list_all, read_rows, read_text

MEMBERS = "/settings/members"


def get_user(member: Organisation) -> User:
    """Gives a member as they are stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(User).where(User.id == member.actor.user_id)).one()


def authenticate(token: str) -> Actor:
    """Gives who acts with a token, as it is now."""
    db.session.rollback()
    return tokens.authenticate(token)


def change_role(site: Site, member: Organisation, role: str) -> tuple[int, str]:
    """Sends the form of a role; gives the status, and what the page says."""
    answer = site.post(f"{MEMBERS}/{member.actor.user_id}/role", role=role)
    return answer.status_code, read_text(answer.text)


def switch(site: Site, member: Organisation, step: str) -> str:
    """Presses a button; gives what the page that follows says."""
    answer = site.post(f"{MEMBERS}/{member.actor.user_id}/{step}")
    assert answer.status_code == 303, answer.text
    return read_text(site.get(answer.headers["Location"]))


def test_the_list_shows_roles_second_factors_and_who_was_seen_and_can_be_searched(
    make: Factory, owner: Organisation
) -> None:
    site = Site(make, owner)
    make.member(owner, "viewer", "vera@example.test")
    gone = make.member(owner, "editor", "erik_100%@example.test")
    membership.deactivate_member(owner.actor, gone.actor.user_id)
    first, second, third = read_rows(site.get(MEMBERS).partition("<table")[2].partition("</table")[0])
    assert "erik_100% Deactivated erik_100%@example.test Editor" in first
    assert (owner.email in second, "You" in second, "just now" in second) == (True, True, True)
    assert ("Viewer" in third, "Off" in third, "Never" in third) == (True, True, True)
    for query, shown in (
        ("q=VERA", "vera"), ("role=editor", "erik"), ("state=deactivated", "erik"), ("q=%25", "erik"), ("q=_1", "erik"),
        ("state=active&role=viewer", "vera"), ("q=nobody", ""), ("q=%00", ""), ("role=king&q=vera", "vera"),
    ):  # fmt: skip
        page = site.get(f"{MEMBERS}?{query}")
        rows = read_rows(page.partition("<table")[2].partition("</table")[0]) if shown else []
        assert ([shown in row for row in rows], "Nobody fits" in page) == ([True] if shown else [], not shown), query


def test_a_long_list_goes_on_without_gaps(make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(make, owner)
    for number in range(3):
        make.member(owner, "viewer", f"member-{number}@example.test")
    monkeypatch.setattr("app.members.pages.PAGE_SIZE", 2)
    page = site.get(MEMBERS)
    assert "member-2" not in page
    following = page.partition('rel="next" href="')[2].partition('"')[0]
    # Somebody joins meanwhile, whose place is before.
    make.member(owner, "viewer", "aaa@example.test")
    page = site.get(following)
    assert ("member-1@" in page, "member-2@" in page, "member-0@" in page) == (False, True, False)
    assert owner.email in page


def test_what_each_role_may_do_stands_in_a_table(make: Factory, owner: Organisation) -> None:
    table = Site(make, owner).get(MEMBERS).partition("What each role may do</summary>")[2]
    rows = [" ".join(re.sub(r"[^A-Za-z ,]", "", row).split()) for row in read_rows(table)]
    assert "Write, publish, archive and delete releases yes yes yes no" in rows
    assert "Invite members, change roles, deactivate yes yes no no" in rows


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_members_are_the_business_of_owners_and_admins_alone(make: Factory, owner: Organisation, role: str) -> None:
    member = make.member(owner, role)
    browser = make.browser(member)
    page = browser.get("/products").text
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    paths = [f"{MEMBERS}/{member.actor.user_id}/{step}" for step in ("role", "deactivate", "reactivate")]
    for path in (MEMBERS, f"{MEMBERS}/invite", f"{MEMBERS}/{owner.actor.user_id}", "/settings/audit"):
        answer = browser.get(path)
        assert (answer.status_code, "Only owners and admins of your organisation may" in answer.text) == (403, True)
    for path in (*paths, f"{MEMBERS}/invite", "/settings/organisation"):
        form = {"csrf_token": token, "role": "owner", "email": "x@example.test", "name": "x", "slug": "x"}
        assert browser.post(path, data=form).status_code == 403, path
    # A form that is wrong, or too old, comes back on the page that they may not see.
    for path in (f"{MEMBERS}/{owner.actor.user_id}/role", "/settings/organisation"):
        for form in ({"csrf_token": token, "role": "king"}, {}):
            answer = browser.post(path, data=form)
            assert (answer.status_code, owner.email in answer.text) == (403, False), path
    assert get_user(member).role == role


def test_a_role_counts_from_the_next_click_and_request_on_and_is_audited(make: Factory, owner: Organisation) -> None:
    site, member = Site(make, owner), make.member(owner, "editor")
    browser = make.browser(member)
    _, token = tokens.create_token(member.actor, "CI", ["release:read", "release:write"], 1)
    assert change_role(site, member, "viewer")[0] == 303
    assert "is Viewer now." in read_text(site.get(f"{MEMBERS}/{member.actor.user_id}"))
    assert browser.get("/settings/tokens").status_code == 403
    assert authenticate(token).scopes == {"release:read"}
    # The same again changes nothing.
    assert change_role(site, member, "viewer")[0] == 303
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "user.role_changed")).all()
    assert [(entry.actor_email, entry.details["before"], entry.details["after"]) for entry in entries] == [
        (owner.email, {"role": "editor"}, {"role": "viewer"})
    ]


def test_only_owners_make_and_unmake_owners_and_nobody_raises_themselves(make: Factory, owner: Organisation) -> None:
    admin, editor = make.member(owner, "admin"), make.member(owner, "editor")
    site = Site(make, admin)
    refusal = "Role must be set by an owner where it is or was that of an owner."
    for member, role in ((admin, "owner"), (editor, "owner"), (owner, "editor")):
        status, text = change_role(site, member, role)
        assert (status, refusal in text) == (400, True)
    assert "Only owners may change other owners." in site.get(f"{MEMBERS}/{owner.actor.user_id}")
    assert "Only owners may deactivate owners" in switch(site, owner, "deactivate")
    assert [get_user(member).role for member in (admin, editor, owner)] == ["admin", "editor", "owner"]
    assert change_role(site, editor, "admin")[0] == 303
    assert change_role(Site(make, owner), editor, "owner")[0] == 303


def test_the_last_owner_stays_one_and_nobody_switches_themselves_off(make: Factory, owner: Organisation) -> None:
    site, other = Site(make, owner), make.member(owner, "owner")
    assert "You cannot deactivate yourself." in switch(site, owner, "deactivate")
    assert "is deactivated" in switch(site, other, "deactivate")
    # The other one is an owner still, but not an active one.
    status, text = change_role(site, owner, "admin")
    assert (status, "nobody else of your organisation is an active owner" in text) == (400, True)
    # What was chosen comes back.
    page = site.post(f"{MEMBERS}/{owner.actor.user_id}/role", role="admin").text
    assert 'value="admin" checked' in page
    switch(site, other, "reactivate")
    answer = site.post(f"{MEMBERS}/{owner.actor.user_id}/role", role="editor")
    # Whoever has stepped down is led to where they may be.
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("step", ["role", "deactivate"])
def test_of_two_owners_who_unmake_each_other_at_once_one_stays(
    app: Flask, make: Factory, owner: Organisation, step: str
) -> None:
    other = make.member(owner, "owner")
    steps: dict[str, Callable[..., object]] = {
        "role": lambda actor, user_id: membership.change_role(actor, user_id, "viewer"),
        "deactivate": membership.deactivate_member,
    }
    start, told = threading.Barrier(2), []

    def run(actor: Organisation, target: Organisation) -> None:
        with app.app_context():
            start.wait()
            try:
                steps[step](actor.actor, target.actor.user_id)
                told.append("done")
            except SlipwayError as error:
                told.append(type(error).__name__)

    threads = [threading.Thread(target=run, args=pair) for pair in ((owner, other), (other, owner))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The second one is no owner any more when its turn comes.
    assert sorted(told) == ["PermissionDeniedError", "done"]
    users = [get_user(member) for member in (owner, other)]
    assert sum(user.role == "owner" and user.is_active for user in users) == 1


def test_whoever_has_lost_the_right_meanwhile_changes_nothing(make: Factory, owner: Organisation) -> None:
    admin, editor = make.member(owner, "admin"), make.member(owner, "editor")
    membership.deactivate_member(owner.actor, admin.actor.user_id)
    with pytest.raises(PermissionDeniedError):
        membership.change_role(admin.actor, editor.actor.user_id, "viewer")
    assert get_user(editor).role == "editor"


def test_whoever_is_switched_off_is_out_at_once_and_old_doors_stay_shut(make: Factory, owner: Organisation) -> None:
    site, member = Site(make, owner), make.member(owner, "editor")
    browser = make.browser(member)
    _, token = tokens.create_token(member.actor, "CI", ["release:read"], 1)
    page = read_text(site.get(f"{MEMBERS}/{member.actor.user_id}"))
    assert "1 session ends at once." in page
    assert "1 access token ends at once, for good" in page
    assert "signed out everywhere" in switch(site, member, "deactivate")
    for _ in range(2):
        assert browser.get("/releases").headers["Location"].startswith("/sign-in")
        with pytest.raises(AuthenticationError):
            authenticate(token)
        switch(site, member, "reactivate")
    # The password is good again.
    assert make.browser(member).get("/releases").status_code == 200
    actions = [action for action in list_all(AuditEntry.action) if action.startswith(("user.de", "user.re"))]
    assert sorted(actions) == ["user.deactivated", "user.reactivated"]


def test_a_role_that_is_sent_after_the_session_has_ended_is_not_lost(make: Factory, owner: Organisation) -> None:
    site, member = Site(make, owner), make.member(owner, "editor")
    path = f"{MEMBERS}/{member.actor.user_id}/role"
    site.post("/sign-out")
    answer = site.post(path, role="admin")
    assert (answer.status_code, 'value="admin" checked' in answer.text) == (400, True)
    assert 'name="signInPassword"' in answer.text
    site.csrf_token = answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    again = site.post(path, role="admin", signInEmail=owner.email, signInPassword=PASSWORD)
    assert (again.status_code, get_user(member).role) == (303, "admin")
