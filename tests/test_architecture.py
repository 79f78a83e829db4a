"""The laws of the house that import contracts cannot express. Those that they can are in pyproject.toml."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import app.models  # noqa: F401 - the tables that were imported are looked at
from app.extensions import db
from tests.stack import PROJECT

SOURCES = sorted((PROJECT / "app").rglob("*.py"))
TEMPLATES = sorted((PROJECT / "templates").rglob("*.html"))
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Who commits: services, and what serves them with rows of their own.
COMMITTING = {
    "app/accounts/account_service.py",
    "app/accounts/keys.py",
    "app/accounts/login.py",
    "app/accounts/proofs.py",
    "app/accounts/resets.py",
    "app/accounts/second_step.py",
    "app/accounts/service.py",
    "app/accounts/session_service.py",
    "app/accounts/setup.py",
    "app/accounts/tokens.py",
    "app/accounts/two_factor_service.py",
    "app/accounts/user_sessions.py",
    "app/files/downloads.py",
    "app/files/service.py",
    "app/files/uploads.py",
    "app/files/upkeep.py",
    "app/channels/service.py",
    "app/deliveries/service.py",
    "app/download_keys/service.py",
    "app/drafts/service.py",
    "app/idempotency/service.py",
    "app/imports/service.py",
    "app/imports/steps.py",
    "app/mail/jobs.py",
    "app/members/invitations.py",
    "app/members/membership.py",
    "app/members/service.py",
    "app/note_templates/service.py",
    "app/organisation/service.py",
    "app/oidc/service.py",
    "app/products/service.py",
    "app/publishers/minting.py",
    "app/publishers/service.py",
    "app/rekeying.py",
    "app/releases/changes.py",
    "app/releases/conflicts.py",
    "app/releases/deletion.py",
    "app/releases/lifecycle.py",
    "app/releases/planning.py",
    "app/releases/service.py",
    "app/replays/service.py",
    "app/tokens/service.py",
    "app/webhooks/creation.py",
    "app/webhooks/jobs.py",
    "app/webhooks/recorder.py",
    "app/webhooks/pausing.py",
    "app/webhooks/retention.py",
    "app/webhooks/rotation.py",
    "app/webhooks/samples.py",
    "app/webhooks/service.py",
    "app/webhooks/strays.py",
    "app/webhooks/troubles.py",
    "app/webhooks/upkeep.py",
}
# Who has statements that PostgreSQL prepares: few, because each is written for itself.
PREPARING = {"app/accounts/token_owners.py", "app/releases/insertion.py"}
# Rows of the installation itself. All others belong to a tenant.
WITHOUT_TENANT = {"tenants", "signing_keys", "sign_in_attempts", "spent_identity_tokens"}
# These ask before anybody has said to which tenant they belong, or for all tenants, and each says so.
ASKING_ALL = {
    "app/accounts/queries.py": {"has_organisation", "find_tenant"},
    "app/idempotency/service.py": {"forget_old_keys"},
    "app/publishers/queries.py": {"has_publisher_of"},
}
INLINE = {
    "a script": r"<script(?![^>]*\ssrc=)",
    "a style": r"<style|\sstyle\s*=",
    "a handler": r"<[^>]*\son[a-z]+\s*=",
    "a script's address": r"javascript:",
    "HTML that is not escaped": r"\|\s*safe\b|{%-?\s*autoescape",
}


def name_of(path: Path) -> str:
    """Gives a path as the lists above have it."""
    return path.relative_to(PROJECT).as_posix()


def list_functions(path: Path) -> list[Function]:
    """Gives the functions of a module, methods and inner ones, too."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, Function)]


def list_imports(path: Path, module: str) -> set[str]:
    """Gives what a module imports from another one."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in nodes if node.module == module for alias in node.names}


def list_words(node: ast.AST) -> set[str]:
    """Gives the names, attributes and keywords in a piece of code."""
    words = set()
    for part in ast.walk(node):
        words |= {value for name in ("id", "attr", "arg") if isinstance(value := getattr(part, name, None), str)}
    return words


def test_only_services_commit() -> None:
    assert {name_of(path) for path in SOURCES if "transaction" in list_imports(path, "app.database")} == COMMITTING
    # Nobody goes around it, but the one statement that is a whole transaction by itself.
    callers = [path for path in SOURCES if "commit" in list_words(ast.parse(path.read_text()))]
    assert [name_of(path) for path in callers] == ["app/database.py", "app/releases/insertion.py"]
    assert {name_of(path) for path in SOURCES if "Statement" in list_imports(path, "app.statements")} == PREPARING


def test_every_table_belongs_to_a_tenant() -> None:
    assert {table.name for table in db.metadata.sorted_tables if "tenant_id" not in table.columns} == WITHOUT_TENANT


def test_every_query_names_its_tenant() -> None:
    nameless: dict[str, set[str]] = {}
    for path in SOURCES:
        for function in list_functions(path) if path.stem in ("queries", "service") else []:
            words = list_words(function)
            if words & {"select", "update", "delete"} and "tenant_id" not in words:
                nameless.setdefault(name_of(path), set()).add(function.name)
    assert nameless == ASKING_ALL


def test_files_and_functions_can_be_read_in_one_go() -> None:
    assert [name_of(path) for path in SOURCES if len(path.read_text().splitlines()) > 260] == []
    functions = [(path, function) for path in SOURCES for function in list_functions(path)]
    long = [(name_of(path), it.name) for path, it in functions if (it.end_lineno or 0) - it.lineno + 1 > 45]
    assert long == []


def test_pages_have_nothing_inline_and_escape_everything() -> None:
    assert len(TEMPLATES) > 10
    found = [
        f"{name_of(path)}: {what}"
        for path in TEMPLATES
        for what, pattern in INLINE.items()
        if re.search(pattern, path.read_text(), re.IGNORECASE)
    ]
    assert found == []
    assert not [name_of(path) for path in SOURCES if "render_template_string" in path.read_text()]
