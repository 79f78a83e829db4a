"""Templates of notes: their pages, who may change them, and what a form that is sent twice or too late does."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.note_templates import schema, service
from app.note_templates.models import NoteTemplate
from app.products.models import Product
from tests.factories import PASSWORD, Factory, Organisation
from tests.portal import Site, list_all, read_text

TEXT = {"name": "Security fix", "notes": "## Security\n\n- \n"}


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """A product."""
    return make.product(owner, "Rocket")


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def path(product: Product) -> str:
    """Where the templates of the product are."""
    return f"/products/{product.id}/templates"


def create(owner: Organisation, product: Product, **members: str) -> NoteTemplate:
    """Makes a template."""
    return service.create_template(owner.actor, product.id, schema.parse_note_template({**TEXT, **members}))


def list_stored() -> list[tuple[str, str]]:
    """Gives name and notes of all templates as they are stored now."""
    db.session.rollback()
    db.session.expire_all()
    rows = db.session.execute(select(NoteTemplate.name, NoteTemplate.notes).order_by(NoteTemplate.name))
    return [(row.name, row.notes) for row in rows]


def become(role: str) -> None:
    """Gives every user another role."""
    with transaction() as session:
        session.execute(update(User).values(role=role))


def test_from_none_to_one_that_is_changed_and_deleted(site: Site, path: str) -> None:
    empty = site.get(path)
    assert "No templates yet" in empty
    assert f'href="{path}/new"' in empty
    assert 'name="seenAt"' in site.get(f"{path}/new")
    answer = site.post(path, name="Security fix", notes="## Security\r\n\r\n- **one**\r\n")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert list_stored() == [("Security fix", "## Security\n\n- **one**\n")]
    page = site.get(path)
    assert "Template Security fix was saved." in page
    assert "<strong>one</strong>" in page
    edit_path = re.findall(rf'"({path}/[0-9a-f-]+/edit)"', page)[0]
    form = site.get(edit_path)
    seen_at = form.partition('name="seenAt" value="')[2].partition('"')[0]
    assert ">\n## Security\n\n- **one**\n</textarea>" in form
    assert site.post(edit_path, name="Fix", notes="new", seenAt=seen_at).status_code == 303
    assert list_stored() == [("Fix", "new")]
    assert site.post(edit_path.replace("/edit", "/delete")).status_code == 303
    assert "Template Fix was deleted." in site.get(path)
    assert list_stored() == []
    actions = sorted(action for action in list_all(AuditEntry.action) if action.startswith("note_template"))
    assert actions == ["note_template.created", "note_template.deleted", "note_template.updated"]


@pytest.mark.parametrize(
    ("typed", "messages"),
    [
        ({"name": "", "notes": " \r\n"}, ["Name is required.", "Notes must hold some text."]),
        ({"name": "a\nb"}, ["Name must not contain the character U+000A."]),
        ({"notes": "x" * 4097}, ["Notes must have at most 4096 characters; they have 4097."]),
        ({"notes": "a\x00b"}, ["Notes must not contain the character NUL (U+0000)."]),
        ({"notes": "other words"}, ["Name is taken: another template of this product has it."]),
    ],
    ids=["nothing", "two lines", "too long", "NUL", "taken"],
)
def test_what_is_wrong_is_told_at_once_and_nothing_typed_is_lost(
    site: Site, owner: Organisation, product: Product, path: str, typed: dict[str, str], messages: list[str]
) -> None:
    create(owner, product)
    answer = site.post(path, **{**TEXT, **typed})
    assert answer.status_code == 400
    page = read_text(answer.text)
    assert all(message in page for message in messages)
    sent = {**TEXT, **typed}
    assert sent["notes"].replace("\x00", "").strip()[:50] in answer.text.replace("\x00", "")
    assert list_stored() == [("Security fix", TEXT["notes"])]


def test_a_second_click_makes_no_second_one_and_no_error(site: Site, path: str) -> None:
    assert [site.post(path, **TEXT).status_code for _ in range(2)] == [303, 303]
    assert list_stored() == [("Security fix", TEXT["notes"])]
    assert list_all(AuditEntry.action).count("note_template.created") == 1


def test_who_has_not_seen_the_change_of_somebody_else_is_told_before_it_is_replaced(
    site: Site, owner: Organisation, product: Product, path: str
) -> None:
    template = create(owner, product)
    edit_path = f"{path}/{template.id}/edit"
    form = {"name": "Mine", "notes": "mine", "seenAt": "2020-01-01T00:00:00Z"}
    refused = site.post(edit_path, **form)
    assert refused.status_code == 409
    assert "Somebody else has changed this template meanwhile." in refused.text
    assert list_stored() == [("Security fix", TEXT["notes"])]
    seen_at = refused.text.partition('name="seenAt" value="')[2].partition('"')[0]
    assert site.post(edit_path, **{**form, "seenAt": seen_at}).status_code == 303
    assert list_stored() == [("Mine", "mine")]
    other = create(owner, product, name="Other")
    taken = site.post(f"{path}/{other.id}/edit", name="Mine", notes="x", seenAt="")
    assert (taken.status_code, "Name is taken" in taken.text) == (400, True)


def test_a_product_has_so_many_templates_and_no_more(
    site: Site, owner: Organisation, product: Product, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TEMPLATE_LIMIT", 1)
    create(owner, product)
    answer = site.post(path, name="One more", notes="x")
    assert answer.status_code == 400
    assert "A product has at most 1 templates. Delete one first." in answer.text


def test_viewers_read_templates_and_change_none(site: Site, owner: Organisation, product: Product, path: str) -> None:
    template = create(owner, product)
    become("viewer")
    page = site.get(path)
    assert "Security fix" in page
    assert "/edit" not in page
    assert "/delete" not in page
    for place in (f"{path}/new", f"{path}/{template.id}/edit"):
        site.get(place, 403)
    assert site.post(path, name="New", notes="new").status_code == 403
    assert site.post(f"{path}/{template.id}/edit", name="New", notes="new").status_code == 403
    assert site.post(f"{path}/{template.id}/delete").status_code == 403
    assert list_stored() == [("Security fix", TEXT["notes"])]


def test_templates_of_another_organisation_or_product_are_not_there(
    site: Site, make: Factory, owner: Organisation, product: Product, path: str
) -> None:
    other = make.product(owner, "Booster")
    theirs = make.organisation()
    foreign = make.product(theirs)
    stranger = create(theirs, foreign)
    mine = create(owner, product)
    absent = [
        f"/products/{foreign.id}/templates", f"/products/{foreign.id}/templates/choices", "/products/x/templates",
        f"{path}/{stranger.id}/edit", f"/products/{other.id}/templates/{mine.id}/edit", f"{path}/x/edit",
        f"/products/{foreign.id}/templates/{stranger.id}/edit", f"/products/{foreign.id}/templates/new",
    ]  # fmt: skip
    for place in absent:
        site.get(place, 404)
    for place in (f"/products/{foreign.id}/templates", f"{path}/{stranger.id}/edit", f"{path}/{stranger.id}/delete"):
        assert site.post(place, name="x", notes="x").status_code == 404, place
    assert len(list_stored()) == 2


def test_the_form_of_a_release_gets_the_templates_of_the_product_that_is_chosen(
    site: Site, owner: Organisation, product: Product, make: Factory, path: str
) -> None:
    first, second = create(owner, product), create(owner, product, name="Minor", notes="x")
    answer = site.browser.get(f"{path}/choices", headers={"Content-Type": "application/json"})
    assert answer.get_json() == [
        {"id": second.id, "name": "Minor", "notes": "x"},
        {"id": first.id, "name": "Security fix", "notes": TEXT["notes"]},
    ]
    page = site.get(f"/releases/new?product={product.id}")
    assert [name for name in ("Minor", "Security fix") if f">{name}</option>" in page] == ["Minor", "Security fix"]
    other = site.get(f"/releases/new?product={make.product(owner).id}")
    assert "Security fix" not in other


def test_a_form_whose_session_has_ended_comes_back_whole_and_is_sent_by_signing_in(
    site: Site, make: Factory, owner: Organisation, path: str
) -> None:
    client = make.app.test_client()
    ended = client.post(path, data=TEXT)
    assert ended.status_code == 400
    assert "Nothing is lost: sign in below" in ended.text
    assert ">\n## Security\n\n- \n</textarea>" in ended.text
    token = ended.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    credentials: dict[str, Any] = {"signInEmail": owner.email, "signInPassword": PASSWORD}
    assert client.post(path, data={**TEXT, "csrf_token": token, **credentials}).status_code == 303
    assert list_stored() == [("Security fix", TEXT["notes"])]


def test_without_script_the_preview_is_a_button(site: Site, path: str) -> None:
    shown = site.post(path, name="", notes="**shown**", action="preview")
    assert (shown.status_code, "<p><strong>shown</strong></p>" in shown.text) == (200, True)
    assert list_stored() == []
