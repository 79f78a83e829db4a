"""What happens to a token after it was made, and how fast everybody knows."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask
from sqlalchemy import delete, update

from app import times
from app.accounts import keys, tokens
from app.accounts.actors import ROLE_SCOPES
from app.accounts.models import AccessToken, SigningKey, User
from app.accounts.service import build_actor
from app.database import transaction
from app.exceptions import NotFoundError, PermissionDeniedError
from app.extensions import db
from tests.counting import watching_statements
from tests.factories import Caller, Factory, Organisation

REFUSED = (401, 'Bearer error="invalid_token"')


def ask(caller: Caller) -> tuple[int, str | None]:
    """Reads the list of releases; gives status and challenge."""
    answer = caller.get("/v3/releases")
    return answer.status_code, answer.headers.get("WWW-Authenticate")


def change_row(table: Any, entity_id: str, **values: Any) -> None:
    """Changes a row, as another process would."""
    with transaction() as session:
        session.execute(update(table).where(table.id == entity_id).values(**values))


def end_token(owner: Organisation, token_id: str) -> None:
    """Lets a token's time run out, whatever the JWT itself says."""
    change_row(AccessToken, token_id, expires_at=times.now() - timedelta(seconds=1))


def drop(_: Organisation, token_id: str) -> None:
    """Takes a token's row away, as if there had never been one."""
    with transaction() as session:
        session.execute(delete(AccessToken).where(AccessToken.id == token_id))


ENDS: dict[str, Callable[[Organisation, str], None]] = {
    "revoked": lambda owner, token_id: tokens.revoke_token(owner.actor, token_id),
    "expired": end_token,
    "user switched off": lambda owner, _: change_row(User, owner.actor.user_id, is_active=False),
    "key retired": lambda *_: keys.retire_key(keys.get_signing_key()[0]),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_end_counts_from_the_next_request(make: Factory, build_app: Callable[..., Flask], end: str) -> None:
    owner = make.organisation()
    token, jwt = tokens.create_token(owner.actor, "ci", ["release:read"])
    callers = [Caller(app.test_client(), jwt) for app in (make.app, build_app())]
    assert [ask(caller)[0] for caller in callers] == [200, 200]
    ENDS[end](owner, token.id)
    assert [ask(caller) for caller in callers] == [REFUSED, REFUSED]


def test_a_lower_role_counts_from_the_next_request(make: Factory) -> None:
    owner = make.organisation()
    caller = make.caller(owner)
    body = {"name": "App", "version": "1.0", "productId": make.product(owner).id}
    change_row(User, owner.actor.user_id, role="viewer")
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="release:write"'
    assert answer.get_json()["scope"] == "release:write"
    assert ask(caller)[0] == 200
    change_row(User, owner.actor.user_id, role="unheard of")
    assert ask(caller)[0] == 403


def test_a_user_who_moved_takes_no_token_along(make: Factory) -> None:
    owner, other = make.organisation(), make.organisation()
    caller = make.caller(owner)
    change_row(User, owner.actor.user_id, tenant_id=other.tenant_id)
    assert ask(caller) == REFUSED


def test_after_a_rotation_old_and_new_tokens_are_good(make: Factory, build_app: Callable[..., Flask]) -> None:
    owner = make.organisation()
    apps = [make.app, build_app()]
    old = make.caller(owner).token
    for app in apps:
        assert ask(Caller(app.test_client(), old))[0] == 200
    kid = keys.rotate_keys()
    new = make.caller(owner).token
    assert json.loads(base64.urlsafe_b64decode(new.split(".")[0] + "=="))["kid"] == kid
    for app in apps:
        assert [ask(Caller(app.test_client(), token))[0] for token in (old, new)] == [200, 200]


def test_made_up_key_ids_keep_nobody_out(make: Factory, build_app: Callable[..., Flask]) -> None:
    app = build_app()
    token = make.caller(make.organisation()).token
    _, payload, signature = token.split(".")
    for number in range(60):
        header = json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": f"{number:043}"}).encode()
        forged = ".".join((base64.urlsafe_b64encode(header).decode().rstrip("="), payload, signature))
        assert ask(Caller(app.test_client(), forged)) == REFUSED
    assert ask(Caller(app.test_client(), token))[0] == 200


def test_a_retired_key_cannot_be_retired_twice_and_is_replaced_when_it_was_the_last(make: Factory) -> None:
    owner = make.organisation()
    make.caller(owner)
    for kid in db.session.scalars(db.select(SigningKey.kid).where(SigningKey.retired_at.is_(None))).all():
        keys.retire_key(kid)
        with pytest.raises(NotFoundError):
            keys.retire_key(kid)
    assert make.app.test_client().get("/.well-known/jwks.json").get_json() == {"keys": []}
    assert ask(make.caller(owner))[0] == 200


@pytest.mark.parametrize("kid", ["", "x", "\udcff", "a" * 43 + "\n", "'"])
def test_what_is_no_key_is_not_found(app: Flask, kid: str) -> None:
    with pytest.raises(NotFoundError):
        keys.retire_key(kid)
    assert keys.find_verifying_key(kid) is None


def verify_elsewhere(jwt: str, key_set: dict[str, Any]) -> dict[str, Any]:
    """Verifies a token as a stranger would, by RFC 7515 and 7518 alone; gives its claims."""
    signed, _, signature = jwt.rpartition(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in signed.split("."))
    (jwk,) = (key for key in key_set["keys"] if key["kid"] == header["kid"])
    assert (jwk["kty"], jwk["alg"], jwk["use"], header["alg"]) == ("RSA", "RS256", "sig", "RS256")
    modulus, exponent = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "==")) for name in "ne")
    key = RSAPublicNumbers(exponent, modulus).public_key()
    key.verify(base64.urlsafe_b64decode(signature + "=="), signed.encode(), PKCS1v15(), SHA256())
    return dict(claims)


def test_the_key_set_lets_a_stranger_verify_a_token(make: Factory) -> None:
    owner = make.organisation()
    jwt = make.caller(owner).token
    answer = make.app.test_client().get("/.well-known/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    key_set = answer.get_json()
    assert all(set(key) == {"kty", "n", "e", "kid", "alg", "use"} for key in key_set["keys"])
    claims = verify_elsewhere(jwt, key_set)
    assert (claims["tenantid"], claims["sub"]) == (owner.tenant_id, owner.actor.user_id)
    with pytest.raises(InvalidSignature):
        verify_elsewhere(jwt[:-8] + "AAAAAAAA", key_set)


def test_nobody_gives_away_or_revokes_more_than_is_theirs(make: Factory) -> None:
    owner, other = make.organisation(), make.organisation()
    token, _ = tokens.create_token(owner.actor, "owner's", ["release:read"])
    change_row(User, owner.actor.user_id, role="viewer")
    viewer = build_actor(db.session.get_one(User, owner.actor.user_id))
    with pytest.raises(PermissionDeniedError):
        tokens.create_token(viewer, "mine", ["release:read"])
    with pytest.raises(PermissionDeniedError):
        tokens.revoke_token(viewer, token.id)
    for token_id in (token.id, token.id.upper(), "x", "\udcff"):
        with pytest.raises(NotFoundError):
            tokens.revoke_token(other.actor, token_id)


def test_an_editor_revokes_own_tokens_only(make: Factory) -> None:
    owner = make.organisation()
    token, _ = tokens.create_token(owner.actor, "owner's", ["release:read"])
    moment = times.now()
    colleague = User(
        tenant_id=owner.tenant_id, email="e@b.test", password_hash="", role="editor", created_at=moment,
        updated_at=moment,
    )  # fmt: skip
    with transaction() as session:
        session.add(colleague)
        session.flush()
        editor = build_actor(colleague)
    assert editor.scopes == ROLE_SCOPES["editor"]
    own, _ = tokens.create_token(editor, "editor's", ["release:write"])
    with pytest.raises(NotFoundError):
        tokens.revoke_token(editor, token.id)
    tokens.revoke_token(editor, own.id)
    tokens.revoke_token(owner.actor, own.id)


def test_using_a_token_writes_once_an_hour(make: Factory) -> None:
    owner = make.organisation()
    token, jwt = tokens.create_token(owner.actor, "ci", ["release:read"])
    caller = Caller(make.app.test_client(), jwt)

    def use() -> Any:
        assert ask(caller)[0] == 200
        db.session.rollback()
        return db.session.scalar(db.select(AccessToken.last_used_at).where(AccessToken.id == token.id))

    first = use()
    assert first is not None
    assert use() == first
    change_row(AccessToken, token.id, last_used_at=first - timedelta(minutes=61))
    assert use() > first


def test_no_request_that_starts_after_a_revocation_succeeds(make: Factory) -> None:
    owner = make.organisation()
    token, jwt = tokens.create_token(owner.actor, "ci", ["release:read"])
    seen: list[tuple[float, int]] = []
    is_warm, is_over = threading.Barrier(5), threading.Event()

    def fly() -> None:
        caller = Caller(make.app.test_client(), jwt)
        is_warm.wait()
        while not is_over.is_set():
            begin = time.perf_counter()
            seen.append((begin, ask(caller)[0]))

    threads = [threading.Thread(target=fly) for _ in range(4)]
    for thread in threads:
        thread.start()
    is_warm.wait()
    while len(seen) < 40:
        threads[0].join(0.01)
    tokens.revoke_token(owner.actor, token.id)
    revoked_at = time.perf_counter()
    while sum(begin > revoked_at for begin, _ in seen) < 40:
        threads[0].join(0.01)
    is_over.set()
    for thread in threads:
        thread.join()
    assert {status for begin, status in seen if begin > revoked_at} == {401}
    assert 200 in {status for _, status in seen}


def test_the_work_of_refusing_a_token_does_not_tell_why(make: Factory) -> None:
    owner = make.organisation()
    asked: dict[str, list[str]] = {}
    for why, end in {**{why: ENDS[why] for why in ("revoked", "expired", "user switched off")}, "gone": drop}.items():
        token, jwt = tokens.create_token(owner.actor, why, ["release:read"])
        caller = Caller(make.app.test_client(), jwt)
        ask(caller)
        end(owner, token.id)
        with watching_statements() as asked[why]:
            assert ask(caller) == REFUSED
        change_row(User, owner.actor.user_id, is_active=True)
    assert asked["gone"]
    assert asked == dict.fromkeys(asked, asked["gone"])


def test_all_who_come_at_once_to_a_new_process_are_known(
    make: Factory, owner: Organisation, build_app: Callable[..., Flask]
) -> None:
    token, count = make.caller(owner).token, 40
    # It has met no key yet, and must not look for one more often than it may.
    app, barrier = build_app(), threading.Barrier(count)

    def ask(_: int) -> int:
        barrier.wait()
        return Caller(app.test_client(), token).get("/v3/releases").status_code

    with ThreadPoolExecutor(count) as pool:
        assert set(pool.map(ask, range(count))) == {200}
