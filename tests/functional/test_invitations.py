"""Invitations: a link that is shown once, and lets one person join, once."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.accounts.models import User, UserSession
from app.audit.models import AuditEntry
from app.database import transaction
from app.exceptions import SlipwayError
from app.extensions import db
from app.mail.models import Mail
from app.members import invitations, membership, queries, service
from app.members.models import Invitation
from app.members.schema import parse_invitation
from app.times import now
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.portal import Site, list_all, read_text

INVITE = "/settings/members/invite"
EMAIL = "new@example.test"
CLOSED = "This invitation is not open"


def read_path(page: str) -> str:
    """Gives the path of the link that a page shows."""
    found = re.search(r'id="copy-link">http://localhost:8000(/invitations/[^<]+)<', page)
    assert found is not None, page
    return found[1]


def send_invitation(site: Site, **fields: str) -> str:
    """Invites somebody by the form; gives the path of the link."""
    answer = site.post(INVITE, **{"email": EMAIL, "role": "editor", **fields})
    assert answer.status_code == 200, answer.text
    return read_path(answer.text)


def list_joined() -> list[User]:
    """Gives the members with the address that was invited, as they are stored now."""
    db.session.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(User).where(User.email == EMAIL)))


def accept(client: FlaskClient, path: str, name: str = "New", password: str = PASSWORD) -> tuple[int, str]:
    """Fills in the form behind a link; gives the status, and what the page says."""
    token = find_csrf_token(client.get("/sign-in").text)
    answer = client.post(path, data={"csrf_token": token, "name": name, "password": password})
    return answer.status_code, read_text(answer.text)


def test_whoever_has_the_link_joins_and_is_signed_in(client: FlaskClient, make: Factory, owner: Organisation) -> None:
    site = Site(make, owner)
    answer = site.post(INVITE, email=" New@Example.test ", role="editor")
    assert answer.headers["Cache-Control"] == "no-store"
    path = read_path(answer.text)
    assert EMAIL in site.get("/settings/members")
    page = read_text(client.get(path).text)
    assert f"Join {owner.name}" in page
    assert f"{owner.email} invites you as Editor." in page
    status, text = accept(client, path, "", "short")
    assert (status, "Name is required." in text, "at least 10 characters" in text) == (400, True, True)
    assert accept(client, path, " Nina New ")[0] == 303
    assert client.get("/releases").status_code == 200
    [user] = list_joined()
    assert (user.name, user.role, user.tenant_id) == ("Nina New", "editor", owner.tenant_id)
    assert list_all(UserSession.method)[-1] == "invitation"
    assert "New link" not in site.get("/settings/members")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "user.joined")).one()
    assert entry.details == {"email": EMAIL, "role": "editor", "invitedBy": owner.email}
    # Nothing that opens the link is kept.
    assert path.rpartition(".")[2] not in str(db.session.execute(select(Invitation.secret_hash)).all())


def test_unknown_used_withdrawn_expired_and_damaged_links_are_one_page(
    client: FlaskClient, make: Factory, owner: Organisation
) -> None:
    site = Site(make, owner)
    used, withdrawn, expired = (
        send_invitation(site, email=f"{name}@example.test") for name in ("used", "withdrawn", "expired")
    )
    assert accept(make.app.test_client(), used)[0] == 303
    db.session.rollback()
    ids = {row.email.partition("@")[0]: row.id for row in db.session.scalars(select(Invitation))}
    for _ in range(2):
        assert site.post(f"/settings/members/invitations/{ids['withdrawn']}/revoke").status_code == 303
    with transaction() as session:
        session.execute(update(Invitation).where(Invitation.id == ids["expired"]).values(expires_at=now()))
        session.execute(
            update(Invitation).where(Invitation.id == ids["used"]).values(accepted_at=now() - timedelta(hours=1))
        )
    damaged = [used[:-1], f"{used}x", withdrawn.replace(ids["withdrawn"], ids["used"]), "/invitations/x"]
    unknown = f"/invitations/0f8fad5b-d9cb-469f-a165-70867728950e.{'a' * 43}"
    pages = set()
    for path in (used, withdrawn, expired, unknown, *damaged):
        answer = client.get(path)
        assert (answer.status_code, CLOSED in answer.text) == (404, True), path
        pages.add(re.sub(r"[0-9a-f]{32}", "", answer.text))
        assert accept(client, path)[0] == 404
    assert len(pages) == 1
    assert list_all(AuditEntry.action).count("invitation.revoked") == 1
    assert "Expired" in site.get("/settings/members")


def test_a_new_link_ends_the_one_before(client: FlaskClient, make: Factory, owner: Organisation) -> None:
    site = Site(make, owner)
    first = send_invitation(site)
    [invitation_id] = list_all(Invitation.id)
    path = f"/settings/members/invitations/{invitation_id}/renew"
    second = read_path(site.post(path, clickKey="once").text)
    # A second click on the same button does not end the link that the first one has shown.
    again = site.post(path, clickKey="once").text
    assert "Its link was shown then, and cannot be shown again." in read_text(again)
    assert (client.get(first).status_code, client.get(second).status_code) == (404, 200)
    accept(client, second)
    assert site.post(path).headers["Location"] == "/settings/members"
    assert f"{EMAIL} has accepted already." in site.get("/settings/members")


def test_a_form_that_is_sent_twice_makes_one_invitation_and_says_so(make: Factory, owner: Organisation) -> None:
    site = Site(make, owner)
    send_invitation(site, idempotencyKey="once")
    again = site.post(INVITE, email=EMAIL, role="editor", idempotencyKey="once")
    assert (again.status_code, "was made, just once" in again.text) == (200, True)
    # What was typed anew means another one, and is judged as one.
    other = site.post(INVITE, email=EMAIL, role="viewer", idempotencyKey="once")
    assert "E-mail address is invited already" in read_text(other.text)
    assert (other.status_code, 'value="viewer" checked' in other.text) == (400, True)
    assert len(list_all(Invitation.id)) == 1


@pytest.mark.parametrize(
    ("email", "role", "messages"),
    [
        ("", "", ["E-mail address is required.", "Role is required."]),
        ("nobody", "king", ["E-mail address must look like", "Role must be one of"]),
        (f"{'a' * 300}@example.test", "viewer", ["E-mail address must have at most 254 characters; it has 313."]),
    ],
    ids=["nothing", "nonsense", "too long"],
)
def test_what_is_wrong_stands_at_its_field(
    make: Factory, owner: Organisation, email: str, role: str, messages: list[str]
) -> None:
    answer = Site(make, owner).post(INVITE, email=email, role=role)
    assert answer.status_code == 400
    assert [message in read_text(answer.text) for message in messages] == [True] * len(messages)
    assert f'value="{email}"' in answer.text


def test_members_cannot_be_invited_and_only_owners_invite_owners(make: Factory, owner: Organisation) -> None:
    admin, gone = make.member(owner, "admin"), make.member(owner, "viewer")
    membership.deactivate_member(owner.actor, gone.actor.user_id)
    site = Site(make, admin)
    for email, role, message in (
        (owner.email.upper(), "viewer", "E-mail address belongs to a member already."),
        (gone.email, "viewer", "who was deactivated: let them in again."),
        (EMAIL, "owner", "Role must not be owner: only owners may invite owners."),
    ):
        answer = site.post(INVITE, email=email, role=role)
        assert (answer.status_code, message in read_text(answer.text)) == (400, True)
    # The same address may belong to another organisation.
    send_invitation(Site(make, make.organisation()), email=owner.email)
    owners = invitations.invite(owner.actor, parse_invitation(EMAIL, "owner")).invitation
    site.post(f"/settings/members/invitations/{owners.id}/renew")
    assert "Only owners may invite owners." in site.get("/settings/members")


def test_who_has_become_a_member_by_another_way_is_told_so_by_the_link_alone(
    client: FlaskClient, make: Factory, owner: Organisation
) -> None:
    path = send_invitation(Site(make, owner))
    member = make.member(owner, "viewer")
    with transaction() as session:
        session.execute(update(User).where(User.id == member.actor.user_id).values(email=EMAIL))
    answer = client.get(path)
    assert (answer.status_code, f"{EMAIL} is a member of {owner.name} already." in answer.text) == (409, True)
    assert accept(client, path)[0] == 409


def test_a_form_that_is_sent_twice_makes_one_member_and_signs_in(make: Factory, owner: Organisation) -> None:
    path = send_invitation(Site(make, owner))
    clients = [make.app.test_client() for _ in range(3)]
    assert [accept(it, path)[0] for it in clients[:2]] == [303, 303]
    assert [it.get("/releases").status_code for it in clients[:2]] == [200, 200]
    # Another password is not a second click.
    assert accept(clients[2], path, password="another long password")[0] == 404
    assert len(list_joined()) == 1


def test_of_two_tabs_that_accept_at_once_one_joins(app: Flask, make: Factory, owner: Organisation) -> None:
    link = send_invitation(Site(make, owner)).rpartition("/")[2]
    start, told = threading.Barrier(3), []

    def run(number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                told.append(service.accept_invitation(link, f"Tab {number}", None).email)
            except SlipwayError as error:
                told.append(error.code)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(EMAIL) == 1
    assert set(told) - {EMAIL} <= {"invitation_closed", "already_member"}
    assert len(list_joined()) == 1


def test_a_token_that_is_too_old_and_too_many_tries_cost_nothing_that_was_typed(
    client: FlaskClient, make: Factory, owner: Organisation
) -> None:
    path = send_invitation(Site(make, owner))
    answer = client.post(path, data={"csrf_token": "old", "name": "Typed", "password": PASSWORD})
    assert (answer.status_code, 'value="Typed"' in answer.text, PASSWORD in answer.text) == (400, True, False)
    assert "This page was open for too long." in answer.text
    statuses = [accept(client, path, "Typed", "short")[0] for _ in range(11)]
    assert statuses == [400] * 10 + [429]


def test_the_link_goes_out_by_e_mail_where_a_server_is_set(build_app: object, owner: Organisation) -> None:
    with build_app(SMTP_URL="smtp://127.0.0.1:9").app_context():  # type: ignore[operator]
        invited = invitations.invite(owner.actor, parse_invitation(EMAIL, "viewer"))
        [mail] = db.session.scalars(select(Mail)).all()
        assert (mail.recipient, mail.subject) == (EMAIL, f"{owner.name} invites you to Slipway")
        assert invited.link is not None
        assert (invited.is_mailed, invited.link in mail.body) == (True, True)


@pytest.mark.parametrize(
    ("role", "step", "changed", "kept"),
    [
        ("owner", "role", {"role": "admin"}, {"admin", "viewer", "renewed by another"}),
        ("admin", "role", {"role": "editor"}, {"renewed by another"}),
        ("admin", "deactivate", {}, {"renewed by another"}),
    ],
    ids=["owner to admin", "admin to editor", "deactivated"],
)
def test_who_may_invite_no_more_has_no_link_left_to_come_back_by(
    make: Factory, owner: Organisation, role: str, step: str, changed: dict[str, str], kept: set[str]
) -> None:
    leaver = make.member(owner, role)
    made = {}
    for name, wanted in (("owner", role), ("admin", "admin"), ("viewer", "viewer"), ("renewed by another", "viewer")):
        draft = parse_invitation(f"{name[:5]}@example.test", wanted)
        made[name] = invitations.invite(leaver.actor, draft).invitation.id
    invitations.renew_invitation(owner.actor, made["renewed by another"])
    if role == "admin":
        # One that somebody else has made, and whose link they have seen since.
        draft = parse_invitation("theirs@example.test", "viewer")
        made["taken over"] = invitations.invite(owner.actor, draft).invitation.id
        invitations.renew_invitation(leaver.actor, made["taken over"])
    site, page = Site(make, owner), f"/settings/members/{leaver.actor.user_id}"
    assert f"{len(made) - 1} invitations that they have sent are withdrawn." in site.get(page)
    assert site.post(f"{page}/{step}", **changed).status_code == 303
    still = {it.id for it in queries.list_open_invitations(owner.tenant_id)}
    assert {name for name, invitation_id in made.items() if invitation_id in still} == kept
    assert list_all(AuditEntry.action).count("invitation.revoked") == len(made) - len(kept)
