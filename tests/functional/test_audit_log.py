"""The audit log: what it says, what can be asked of it, and the same as a file."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import insert, update

from app import times
from app.audit import export, words
from app.audit.models import AuditEntry
from app.audit.pages import describe_details
from app.audit.schema import AuditFilter
from app.database import transaction
from app.members import membership
from app.webhooks import events
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, read_text
from tests.stack import PROJECT

AUDIT = "/settings/audit"
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"
# What is not spelled out where it is recorded: the events of releases are named by constants, others by a step.
CONSTANTS = {name: value for name, value in vars(events).items() if isinstance(value, str)}


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def write(owner: Organisation, action: str, details: dict[str, Any] | None = None, **values: Any) -> None:
    """Writes an entry."""
    row = {
        "tenant_id": owner.tenant_id, "actor_kind": "user", "actor_id": owner.actor.user_id,
        "actor_email": owner.email, "action": action, "entity_id": NOBODY, "details": details or {},
        "request_id": "request-1", "occurred_at": times.now(),
    }  # fmt: skip
    with transaction() as session:
        session.execute(insert(AuditEntry), [row | values])


def read_entries(page: str) -> list[str]:
    """Gives what each entry in the list says first."""
    return [read_text(item) for item in re.findall(r'<div class="person">\s*<p>(.*?)</p>', page, re.DOTALL)]


def read_csv(site: Site, query: str = "") -> list[dict[str, str]]:
    """Gives the rows of the export."""
    answer = site.browser.get(f"{AUDIT}/audit-log.csv?{query}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8"), newline="")))


def list_recorded(path: Path) -> list[str]:
    """Gives the actions that a module records: whole, or what they begin with and a dot."""
    source = path.read_text()
    # To read a whole module costs more than to see that it records nothing.
    tree = ast.parse(source if "record" in source else "")
    constants = {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }
    known, found = {**CONSTANTS, **constants}, []
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name not in ("record", "record_event") or len(call.args) < 3:
            continue
        asked = [call.args[2], *(keyword.value for keyword in call.keywords if keyword.arg == "action")]
        for argument in asked:
            for part in ast.walk(argument):
                text = getattr(part, "value", None) if isinstance(part, ast.Constant) else None
                text = text or known.get(getattr(part, "attr", getattr(part, "id", "")))
                found += [text] if isinstance(text, str) and "." in text else []
    return found


@pytest.mark.once
def test_every_action_that_is_recorded_has_words() -> None:
    recorded = {action for path in (PROJECT / "app").rglob("*.py") for action in list_recorded(path)}
    assert len(recorded) > 30
    assert {"release.created", "webhook.created", "user.role_changed", "token.revoked"} <= recorded
    wordless = {
        action
        for action in recorded
        if action not in words.ACTION_WORDS
        and not (action.endswith(".") and any(it.startswith(action) for it in words.ACTION_WORDS))
    }
    assert wordless == set()
    assert {words.find_group(action) for action in words.ACTION_WORDS} == set(words.GROUP_WORDS)
    assert set(events.ALL_EVENT_TYPES) <= set(words.ACTION_WORDS)


def test_the_log_tells_who_did_what_to_what(
    site: Site, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    caller.request("PATCH", f"/v3/releases/{release_id}", json={"notes": "# New"})
    member = make.member(owner, "editor")
    membership.change_role(owner.actor, member.actor.user_id, "viewer")
    page = site.get(AUDIT)
    entries = read_entries(page)
    assert entries[0] == f"Role changed {member.email}"
    assert entries[3] == "Release changed My App 1.2 1.2.0"
    assert f'href="/settings/members/{member.actor.user_id}"' in page
    assert f'href="/releases/{release_id}"' in page
    text = read_text(page)
    assert "Role editor → viewer" in text
    assert "Notes # hi → # New" in text
    assert "by a token" in text
    # What has gone is called as it was called, and leads nowhere.
    write(owner, "webhook.deleted", {"name": "Old one"})
    write(owner, "webhook.disabled", {"reason": "it failed"}, actor_kind="system", actor_email="")
    page = site.get(f"{AUDIT}?action=webhook")
    assert read_entries(page) == ["Webhook switched off because it failed", "Webhook deleted Old one"]
    assert (" Slipway " in read_text(page), "request-1" in page, "/webhooks/0f8fad5b" in page) == (True, True, False)


def test_each_filter_finds_its_own(site: Site, owner: Organisation) -> None:
    for action, details in (
        ("product.created", {"name": "Rakete Ä_1"}), ("product.deleted", {"name": "Lander"}), ("replay.created", {}),
    ):  # fmt: skip
        write(owner, action, details, actor_email="ada@example.test")
    write(owner, "webhook.disabled", actor_kind="system", actor_email="", entity_id=owner.tenant_id)
    with transaction() as session:
        session.execute(
            update(AuditEntry)
            .where(AuditEntry.action == "replay.created")
            .values(occurred_at=times.now() - timedelta(days=800))
        )
    for query, expected in {
        "action=product": ["Product deleted Lander", "Product created Rakete Ä_1"],
        "action=product.deleted": ["Product deleted Lander"],
        "actor=ADA%40example.test&action=product.deleted": ["Product deleted Lander"],
        "actor=ada": ["Replay begun", "Product deleted Lander", "Product created Rakete Ä_1"],
        "actor=Slipway": ["Webhook switched off because it failed"],
        "entity=rakete": ["Product created Rakete Ä_1"],
        f"entity={quote('e Ä_1')}": ["Product created Rakete Ä_1"],
        "entity=%25": [],
        f"entity={owner.tenant_id}&action=webhook": ["Webhook switched off because it failed"],
        "until=2025-01-01T00:00": ["Replay begun"],
        "since=2000-01-01&until=2025-01-01T00:00:00": ["Replay begun"],
    }.items():
        assert read_entries(site.get(f"{AUDIT}?{query}")) == expected, query
        assert len(read_csv(site, query)) == len(expected), query


def test_filters_that_make_no_sense_are_told_at_once(site: Site) -> None:
    page = site.get(f"{AUDIT}?action=release.eaten&since=yesterday&until=x&actor=%00", status=400)
    for message in (
        "What happened must be one of those in the list.",
        "From must be a date and time, such as 2031-05-28T14:15.",
        "Until must be a date and time",
        "Who must not contain the character NUL (U+0000).",
    ):
        assert message in page
    assert 'value="yesterday"' in page
    assert "Until must be later than from." in site.get(f"{AUDIT}?since=2026-01-02&until=2026-01-01", status=400)
    assert site.browser.get(f"{AUDIT}/audit-log.csv?since=x").status_code == 400


def test_the_list_goes_on_without_gaps_while_others_act(
    site: Site, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        write(owner, "product.created", {"name": f"P{number}"})
    monkeypatch.setattr("app.audit.pages.PAGE_SIZE", 2)
    page = site.get(f"{AUDIT}?action=product")
    shown = read_entries(page)
    write(owner, "product.created", {"name": "later"})
    while following := page.partition('rel="next" href="')[2].partition('"')[0]:
        page = site.get(following)
        shown += read_entries(page)
    assert shown == [f"Product created P{number}" for number in (4, 3, 2, 1, 0)]
    assert "Newest entries" in page


def test_the_file_holds_all_and_no_formula(
    site: Site, make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = make.organisation()
    write(stranger, "product.created", {"name": "theirs"})
    name = 'a "quoted", Ä\r\nname'
    write(owner, "product.created", {"name": name})
    for sign in ("=", "+", "-", "@", "\t", "\r", "\uff1d"):
        write(owner, "product.deleted", actor_email=f"{sign}SUM(A1)", request_id=f"{sign}1")
    monkeypatch.setattr(export, "_CHUNK_ROWS", 3)
    answer = site.browser.get(f"{AUDIT}/audit-log.csv?action=product")
    today = f"{times.now():%Y-%m-%d}"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="audit-log-{owner.slug}-{today}.csv"'
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert answer.headers["Cache-Control"] == "no-store"
    # Every line but those within quotes ends as RFC 4180 says.
    assert answer.get_data().startswith(b"id,time,actor,actor_kind,action,entity_id,details,request_id\r\n")
    *formulas, plain = read_csv(site, "action=product")
    assert plain["details"] == '{"name":"a \\"quoted\\", Ä\\r\\nname"}'
    assert (plain["actor"], plain["action"], plain["entity_id"]) == (owner.email, "product.created", NOBODY)
    assert len(formulas) == 7
    assert all(row[column].startswith("'") for row in formulas for column in ("actor", "request_id"))


def test_no_formula_begins_where_a_spreadsheet_takes_semicolons_for_the_ends_of_cells(
    site: Site, owner: Organisation
) -> None:
    # As they do where a comma is part of a number, in German for one. Quotes within a cell do not keep them from it.
    name = "a; b;=cmd|' /C calc'!A1; \"@SUM(1);-2"
    write(owner, "product.created", {"name": name})
    text = site.browser.get(f"{AUDIT}/audit-log.csv?action=product").get_data(as_text=True)
    assert [cell for cell in text.split(";") if cell.lstrip(' \\"').startswith(("=", "@", "-"))] == []
    assert "a; b" in text
    [row] = read_csv(site, "action=product")
    assert json.loads(row["details"]) == {"name": name}


@pytest.mark.once
def test_no_formula_begins_where_quotes_within_a_cell_count_for_nothing() -> None:
    assert export.guard_cell('1.0;=A1\n@b\t"+c; d-e;\n-f') == "1.0;'=A1\n'@b\t'\"+c; d-e;'\n'-f"


def test_the_file_is_written_piece_by_piece(site: Site, owner: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(7):
        write(owner, "product.created")
    monkeypatch.setattr(export, "_CHUNK_ROWS", 3)
    wanted = AuditFilter(action="product.created")
    pieces = export.write_csv(site.browser.application, owner.tenant_id, wanted)
    sizes = []
    for piece in pieces:
        sizes.append(piece.count(b"\r\n"))
        # What is written meanwhile is not in it.
        write(owner, "product.created")
    assert sizes == [1, 3, 3, 2]


@pytest.mark.once
@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({"before": {"a_b": 1}, "after": {"a_b": 2, "new": "x"}}, [("A b", "1", "2"), ("New", "none", "x")]),
        ({"before": "odd", "theirOwn": None}, [("Before", "odd"), ("Their own", "none")]),
        ({"flag": True, "list": ["a", "b"]}, [("Flag", "yes"), ("List", "a, b")]),
        ({"deep": {"x": [1]}}, [("Deep", '{"x": [1]}')]),
        ({"long": "x" * 3000}, [("Long", "x" * 2000 + "…")]),
    ],
    ids=["pairs", "half a pair", "kinds", "deep", "long"],
)
def test_details_can_be_read(details: dict[str, Any], lines: list[tuple[str, ...]]) -> None:
    shown = [
        (line.label, line.before, line.after) if line.is_pair else (line.label, line.value)
        for line in describe_details(details)
    ]
    assert shown == lines
