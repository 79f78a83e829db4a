"""The commands as scripts use them: the result alone on the last line, or one line on what is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import select, update

from app import times
from app.accounts import keys, setup, tokens
from app.accounts.models import AccessToken, Tenant, User
from app.database import transaction
from app.extensions import db
from app.products.models import Product
from app.text import is_canonical_id
from tests.factories import PASSWORD, Caller, Factory
from tests.stack import PROJECT
from tests.stored import count_rows

pytestmark = pytest.mark.once

BOOTSTRAP = ("bootstrap", "--tenant", "Acme", "--email", "owner@example.test", "--password", PASSWORD)
HALF = "a\udcff"


def run(app: Flask, *arguments: str) -> Result:
    """Runs a command in this process."""
    result = app.test_cli_runner().invoke(args=list(arguments))
    db.session.rollback()
    return result


def print_result(app: Flask, *arguments: str) -> str:
    """Runs a command that succeeds; gives the last line that it prints."""
    result = run(app, *arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout.splitlines()[-1]


def run_process(environment: Mapping[str, str], *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    """Runs a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_way_from_nothing_to_a_release(app: Flask, environment: dict[str, str]) -> None:
    tenant_id = run_process(environment, *BOOTSTRAP)
    product = run_process(environment, "product", "create", "--tenant", "Acme", "--name", "Räket 🚀")
    created = run_process(
        environment, "token", "create", "--email", "owner@example.test", "--name", "ci", "--scope", "release:write"
    )
    for process in (tenant_id, product, created):
        assert (process.returncode, process.stderr) == (0, "")
        assert process.stdout.count("\n") == 1
    assert is_canonical_id(tenant_id.stdout.strip())
    body = {"name": "Räket 1.0", "version": "1.0", "productId": product.stdout.strip()}
    answer = Caller(app.test_client(), created.stdout.strip()).post("/v3/releases", json=body)
    assert answer.status_code == 201
    assert answer.get_json()["tenantId"] == tenant_id.stdout.strip()


def test_bootstrap_can_be_repeated_and_changes_nothing(app: Flask) -> None:
    first = print_result(app, *BOOTSTRAP)
    with transaction() as session:
        session.execute(update(User).values(password_hash="chosen since"))
    before = count_rows()
    assert print_result(app, *BOOTSTRAP) == first
    assert print_result(app, *BOOTSTRAP[:-1], "another good password") == first
    assert print_result(app, "bootstrap", "--tenant", "Acme", "--email", "OWNER@Example.test", *BOOTSTRAP[-2:]) == first
    assert count_rows() == before
    assert db.session.scalar(select(User.password_hash)) == "chosen since"


def test_a_name_is_not_taken_for_the_address_of_another_organisation(app: Flask) -> None:
    # The first one's customer pages are at /acme; the second one is called so.
    first = print_result(app, "bootstrap", "--tenant", "ACME!", "--email", "a@b.test", *BOOTSTRAP[-2:])
    second = print_result(app, "bootstrap", "--tenant", "acme", "--email", "c@d.test", *BOOTSTRAP[-2:])
    assert db.session.get_one(Tenant, first).slug == "acme"
    refused = run(app, "bootstrap", "--tenant", "acme", "--email", "a@b.test", *BOOTSTRAP[-2:])
    assert refused.exit_code == 1
    assert "not an owner" in refused.stderr
    token = ("token", "create", "--name", "ci", "--scope", "release:read", "--tenant", "acme", "--email")
    assert run(app, *token, "a@b.test").exit_code == 1
    print_result(app, *token, "c@d.test")
    assert db.session.scalars(select(AccessToken.tenant_id)).all() == [second]


def test_a_product_is_created_once_under_its_name(app: Flask) -> None:
    tenant_id = print_result(app, *BOOTSTRAP)
    create = ("product", "create", "--tenant", "Acme", "--name", "Rocket")
    product = db.session.get_one(Product, print_result(app, *create))
    assert (product.tenant_id, product.slug) == (tenant_id, "rocket")
    again = run(app, *create)
    assert (again.exit_code, again.stderr) == (1, "Error: Name is taken: another product has it.\n")


@pytest.mark.parametrize(("options", "days"), [((), 90), (("--expires-in", "1"), 1), (("--expires-in", "365"), 365)])
def test_a_token_lasts_as_long_as_was_asked(app: Flask, options: tuple[str, ...], days: int) -> None:
    print_result(app, *BOOTSTRAP)
    create = ("token", "create", "--email", "Owner@example.test", "--name", "ci", "--scope", "webhook:read")
    jwt = print_result(app, *create, "--scope", "release:read", *options)
    assert jwt.count(".") == 2
    token = db.session.scalars(select(AccessToken)).one()
    assert token.scopes == ["release:read", "webhook:read"]
    assert abs(token.expires_at - times.now() - timedelta(days=days)) < timedelta(minutes=1)


def test_tokens_are_listed_with_their_state_and_revoked_by_id(app: Flask, make: Factory) -> None:
    owner = make.organisation("Acme")
    active, jwt = tokens.create_token(owner.actor, "active", ["release:read", "release:write"])
    revoked, _ = tokens.create_token(owner.actor, "revoked", ["release:read"])
    expired, _ = tokens.create_token(owner.actor, "expired", ["release:read"])
    with transaction() as session:
        past = times.now() - timedelta(seconds=1)
        session.execute(update(AccessToken).where(AccessToken.id == expired.id).values(expires_at=past))
    assert print_result(app, "token", "revoke", revoked.id) == revoked.id
    assert print_result(app, "token", "revoke", revoked.id) == revoked.id
    lines = [line.split("\t") for line in run(app, "token", "list", "--tenant", "Acme").stdout.splitlines()]
    assert [line[0] for line in lines] == [active.id, revoked.id, expired.id]
    assert [line[1] for line in lines] == ["active", "revoked", "expired"]
    assert lines[0][3:] == [owner.email, "release:read,release:write", "active"]
    caller = Caller(app.test_client(), jwt)
    assert caller.get("/v3/releases").status_code == 200
    with transaction() as session:
        session.execute(update(User).values(is_active=False))
    # Who runs the server sees and ends tokens also where nobody is left who could.
    assert run(app, "token", "list", "--tenant", "Acme").exit_code == 0
    assert print_result(app, "token", "revoke", active.id) == active.id


def test_keys_are_rotated_and_retired(app: Flask, make: Factory) -> None:
    old_kid, _ = keys.get_signing_key()
    jwt = make.caller(make.organisation()).token
    new_kid = print_result(app, "keys", "rotate")
    assert keys.get_signing_key()[0] == new_kid
    assert Caller(app.test_client(), jwt).get("/v3/releases").status_code == 200
    assert print_result(app, "keys", "retire", old_kid) == old_kid
    assert Caller(app.test_client(), jwt).get("/v3/releases").status_code == 401


def test_the_setup_code_is_the_one_that_the_page_asks_for(app: Flask) -> None:
    assert setup.is_setup_code(app.extensions["slipway"].settings, print_result(app, "setup-code"))


TOKEN = ("token", "create", "--email", "owner@example.test", "--name", "ci")
REFUSED: dict[str, tuple[tuple[str, ...], str]] = {
    "no options": (("bootstrap",), "Missing option '--tenant'"),
    "no e-mail": (("bootstrap", "--tenant", "X", "--password", PASSWORD), "Missing option '--email'"),
    "short password": (("bootstrap", "--tenant", "X", "--email", "a@b.test", "--password", "x"), "10 characters"),
    "all wrong": (("bootstrap", "--tenant", "", "--email", "x", "--password", ""), "Organisation is required"),
    "long name": (("bootstrap", "--tenant", "x" * 257, *BOOTSTRAP[3:]), "at most 256 characters; it has 257"),
    "half a letter": (("bootstrap", "--tenant", HALF, *BOOTSTRAP[3:]), "surrogate"),
    "half a password": ((*BOOTSTRAP[:-3], "new@b.test", "--password", HALF * 5), "surrogate"),
    "other owner": (("bootstrap", "--tenant", "Acme", "--email", "a@b.test", *BOOTSTRAP[-2:]), "not an owner"),
    "unknown tenant": (("product", "create", "--tenant", "Nobody", "--name", "x"), "'Nobody'"),
    "half a tenant": (("product", "create", "--tenant", HALF, "--name", "x"), r"'a\udcff'"),
    "endless tenant": (("product", "create", "--tenant", "x" * 100_000, "--name", "x"), "no organisation"),
    "long product": (("product", "create", "--tenant", "Acme", "--name", "x" * 257), "it has 257"),
    "half a product": (("product", "create", "--tenant", "Acme", "--name", HALF), "surrogate"),
    "empty product": (("product", "create", "--tenant", "Acme", "--name", ""), "Name is required"),
    "no product": (("product", "create", "--tenant", "Acme"), "Missing option '--name'"),
    "no scope": (TOKEN, "Missing option '--scope'"),
    "unknown scope": ((*TOKEN, "--scope", "release:*"), "not 'release:*'"),
    "half a scope": ((*TOKEN, "--scope", HALF), r"not 'a\udcff'"),
    "no days": ((*TOKEN, "--scope", "release:read", "--expires-in", "0"), "1 to 365"),
    "too many days": ((*TOKEN, "--scope", "release:read", "--expires-in", "9" * 30), "1 to 365"),
    "odd days": ((*TOKEN, "--scope", "release:read", "--expires-in", "soon"), "'soon' is not a valid integer"),
    "half a name": ((*TOKEN[:-1], HALF, "--scope", "release:read"), "surrogate"),
    "unknown user": ((*TOKEN[:3], "x@y.test", *TOKEN[4:], "--scope", "release:read"), "'x@y.test'"),
    "half a user": ((*TOKEN[:3], HALF, *TOKEN[4:], "--scope", "release:read"), r"'a\udcff'"),
    "user elsewhere": ((*TOKEN, "--scope", "release:read", "--tenant", "Nobody"), "'Nobody'"),
    "several": (("token", "create", "--email", "two@b.test", *TOKEN[4:], "--scope", "release:read"), "name one"),
    "unknown token": (("token", "revoke", "0f8fad5b-d9cb-469f-a165-70867728950e"), "no such token"),
    "half a token": (("token", "revoke", HALF), "no such token"),
    "no token": (("token", "revoke"), "Missing argument"),
    "unknown list": (("token", "list", "--tenant", HALF), r"'a\udcff'"),
    "unknown key": (("keys", "retire", "x"), "no key of this id"),
    "key that begins with a hyphen": (("keys", "retire", "-uFDy6agz_jKF"), "no key of this id"),
    "half a key": (("keys", "retire", HALF), "no key of this id"),
    "unknown option": (("keys", "rotate", "--now"), "--now"),
    "unknown command": (("token", "frobnicate"), "frobnicate"),
}


def test_what_cannot_be_done_is_one_line_and_nothing_is_half_done(app: Flask) -> None:
    print_result(app, *BOOTSTRAP)
    for name in ("One", "Two"):
        print_result(app, "bootstrap", "--tenant", name, "--email", "two@b.test", *BOOTSTRAP[-2:])
    before, failures = count_rows(), []
    for case, (arguments, expected) in REFUSED.items():
        result = run(app, *arguments)
        found = (
            result.exit_code in (0, None),
            result.stdout,
            bool(re.fullmatch(r"Error: [^\n]+\n", result.stderr)),
            expected in result.stderr,
            len(result.stderr) < 1000,
            count_rows() == before,
        )
        if found != (False, "", True, True, True, True):
            failures.append(f"{case}: {found} {result.stderr}")
    assert not failures, "\n".join(failures)


def check_one_line(process: subprocess.CompletedProcess[str] | Result, expected: str) -> None:
    """Holds a process, or a command, that failed against what it must say."""
    assert (process.exit_code if isinstance(process, Result) else process.returncode) != 0
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1, process.stderr
    assert expected in process.stderr
    assert "nobody:" not in process.stderr


def test_a_database_that_is_away_is_one_line(environment: dict[str, str], build_app: Callable[..., Flask]) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:9/nothing"
    away = build_app(DATABASE_URL=url)
    with away.app_context():
        for arguments in (BOOTSTRAP, ("db", "upgrade"), ("db", "check")):
            check_one_line(run(away, *arguments), "Connection refused")
    # Whatever a library says of it beside the command is only heard from outside.
    check_one_line(run_process({**environment, "DATABASE_URL": url}, "keys", "rotate"), "Connection refused")


# Those that serve, and the upgrade before them, are started so by the tests of the supervisor.
@pytest.mark.parametrize("arguments", [BOOTSTRAP, ("relay",)], ids=" ".join)
def test_a_bad_setting_is_one_line(environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    check_one_line(run_process({**environment, "PORT": "x"}, *arguments), "slipway: PORT must be")


def test_bytes_that_are_no_text_are_one_line(app: Flask, environment: dict[str, str]) -> None:
    process = run_process(environment, "bootstrap", "--tenant", b"a\xff", *BOOTSTRAP[3:])
    check_one_line(process, "surrogate")
    process = run_process({**environment, "LC_ALL": "C"}, "product", "create", "--tenant", b"\xe2\x82", "--name", "x")
    check_one_line(process, r"'\udce2\udc82'")


def test_a_signing_key_of_another_secret_is_one_line(app: Flask, environment: dict[str, str], tmp_path: Path) -> None:
    print_result(app, *BOOTSTRAP)
    keys.get_signing_key()
    other = {**environment, "SECRET_KEY": "another key, as after a careless restore"}
    check_one_line(run_process(other, *TOKEN, "--scope", "release:read"), "SECRET_KEY_FALLBACKS")
