"""The settings of an organisation: its name, its address, and what it asks of its members."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.accounts import service as accounts
from app.accounts.models import Tenant
from app.audit.models import AuditEntry
from app.extensions import db
from app.times import format_time
from tests.factories import PASSWORD, Factory, Organisation
from tests.portal import Site, list_all, read_text

PATH = "/settings/organisation"


def get_tenant(owner: Organisation) -> Tenant:
    """Gives an organisation as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return accounts.get_tenant(owner.tenant_id)


def build_form(owner: Organisation, **changed: Any) -> dict[str, Any]:
    """Gives the form as it was shown, with changes."""
    tenant = get_tenant(owner)
    stored = {"name": tenant.name, "slug": tenant.slug, "description": tenant.description}
    return {**stored, "updatedAt": format_time(tenant.updated_at), **changed}


def test_what_is_changed_is_stored_and_audited_as_it_was_and_is(make: Factory, owner: Organisation) -> None:
    site = Site(make, owner)
    changed = {"name": "Rockets", "slug": " Rockets ", "description": "We\r\nfly."}
    form = build_form(owner, **changed)
    assert site.post(PATH, **form).status_code == 303
    tenant = get_tenant(owner)
    assert (tenant.name, tenant.slug, tenant.description) == ("Rockets", "rockets", "We\nfly.")
    # A second click finds what it wanted.
    assert site.post(PATH, **form).status_code == 303
    [entry] = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "organisation.updated")).all()
    assert entry.details["before"]["address"] == owner.slug
    assert entry.details["after"] == {"name": "Rockets", "address": "rockets", "description": "We\nfly."}


def test_a_second_factor_that_is_required_is_required_of_whoever_asks_for_it_too(
    make: Factory, owner: Organisation
) -> None:
    site = Site(make, owner)
    assert site.post(PATH, **build_form(owner, requiresTwoFactor="on")).status_code == 303
    assert get_tenant(owner).requires_two_factor
    assert site.browser.get(PATH).headers["Location"].startswith("/settings/security")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": " "}, "Name is required."),
        ({"name": "x" * 257}, "Name must have at most 256 characters; it has 257."),
        ({"name": "a\u202eb"}, "Name must not contain the character U+202E."),
        ({"slug": ""}, "Address is required."),
        ({"slug": "settings"}, "Address must not be settings: pages of Slipway are there."),
        ({"slug": "a--b"}, "Address must be of the letters a to z, digits and single hyphens between them."),
        ({"slug": "a/b"}, "Address must be of the letters a to z"),
        ({"slug": "x" * 49}, "Address must have at most 48 characters; it has 49."),
        ({"description": "x" * 1025}, "Description must have at most 1024 characters; it has 1025."),
        ({"description": "a\x00"}, "Description must not contain the character NUL (U+0000)."),
    ],
    ids=str,
)
def test_what_is_wrong_stands_at_its_field(
    make: Factory, owner: Organisation, changed: dict[str, str], message: str
) -> None:
    answer = Site(make, owner).post(PATH, **build_form(owner, requiresTwoFactor="on", **changed))
    assert (answer.status_code, read_text(answer.text).count(message)) == (400, 2)
    assert 'id="field-requiresTwoFactor" checked' in answer.text
    assert list_all(AuditEntry.action).count("organisation.updated") == 0


def test_what_another_organisation_has_is_taken(make: Factory, owner: Organisation) -> None:
    other = make.organisation()
    answer = Site(make, owner).post(PATH, **build_form(owner, name=other.name, slug=other.slug))
    text = read_text(answer.text)
    assert answer.status_code == 400
    assert "Name is taken: another organisation has it." in text
    assert "Address is taken: another organisation has it." in text
    assert f'value="{other.slug}"' in answer.text


def test_what_somebody_else_has_saved_meanwhile_is_not_replaced_unseen(make: Factory, owner: Organisation) -> None:
    site, form = Site(make, owner), build_form(owner, description="Mine")
    assert site.post(PATH, **{**form, "description": "Theirs"}).status_code == 303
    answer = site.post(PATH, **form)
    assert (answer.status_code, "were changed meanwhile" in answer.text) == (409, True)
    assert ("Mine</textarea>" in answer.text, get_tenant(owner).description) == (True, "Theirs")
    # Whoever has been told saves again.
    told = answer.text.partition('name="updatedAt" value="')[2].partition('"')[0]
    assert site.post(PATH, **{**form, "updatedAt": told}).status_code == 303
    assert get_tenant(owner).description == "Mine"


def test_a_form_whose_session_has_ended_comes_back_whole(make: Factory, owner: Organisation) -> None:
    site, form = Site(make, owner), build_form(owner, name="Typed", description="Kept")
    site.post("/sign-out")
    answer = site.post(PATH, **form)
    assert (answer.status_code, 'value="Typed"' in answer.text, "Kept</textarea>" in answer.text) == (400, True, True)
    site.csrf_token = answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    again = site.post(PATH, **form, signInEmail=owner.email, signInPassword=PASSWORD)
    assert (again.status_code, get_tenant(owner).name) == (303, "Typed")


def test_the_page_says_who_would_have_to_set_up_a_second_factor(make: Factory, owner: Organisation) -> None:
    make.member(owner, "viewer")
    page = Site(make, owner).get(PATH)
    assert "2 active members have none yet." in page
    assert f"every link to /{owner.slug}/… ends at once" in page
