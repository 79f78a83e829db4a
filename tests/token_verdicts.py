"""Sends the rows of the corpus ``jwt_attacks`` the way that each says, and holds the answers against their verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.corpora import load_corpus
from tests.token_world import Reply, TokenWorld

CORPUS = load_corpus("jwt_attacks")
# What only a server can judge has a test with a server; races have one of their own.
ROWS: list[dict[str, Any]] = [
    row for row in CORPUS["cases"] if not row.get("transport", "").startswith(("raw_socket", "many_", "race"))
]
CHALLENGES = {
    "insufficient_scope": (403, 'Bearer error="insufficient_scope", scope="release:write"'),
    "invalid_request": (400, 'Bearer error="invalid_request"'),
    "invalid_token": (401, 'Bearer error="invalid_token"'),
    # The corpus wants no error attribute where there was no token; the contract wants invalid_token there, too.
    "no-auth": (401, 'Bearer error="invalid_token"'),
}


def send(world: TokenWorld, row: Mapping[str, Any], token: str) -> Reply:
    """Sends a token the way that the row says."""
    kind, _, rest = row.get("transport", "").partition(":")
    if kind == "get":
        return world.get(f"/v3/releases/{world.forger.fill(rest)}", token)
    if kind in ("cookie", "session_only"):
        return world.post(None, cookie=token if kind == "cookie" else world.session_cookie)
    if kind == "extra_only":
        name, _, value = rest.replace("@TOKEN", token).partition("=")
        return world.post(None, environ={f"HTTP_{name.upper().replace('-', '_')}": value})
    if kind == "header+query":
        return world.post(f"Bearer {token}", path=f"/v3/releases?access_token={token}")
    if kind == "header+form":
        return world.post(f"Bearer {token}", data={"access_token": token})
    good, bad = f"Bearer {token}", "Bearer a.b.c"
    headers = {
        "": good,
        "scheme": f"{rest} {token}",
        "raw": rest.replace("@TOKEN", token),
        # A server joins two headers of one name with a comma (RFC 9110, section 5.3).
        "dup": {"same": f"{good}, {good}", "bad-first": f"{bad}, {good}", "good-first": f"{good}, {bad}"}.get(rest, ""),
        "credential": f"Bearer {world.credentials.get(rest, '')}",
        "size": f"Bearer {'a' * int(rest)}" if kind == "size" else "",
    }
    return world.post(headers[kind])


def check(row: Mapping[str, Any], answer: Reply) -> None:
    """Holds an answer against the row's verdict."""
    status, expect = answer.status_code, row["expect"]
    found = (status, answer.headers.get("WWW-Authenticate"))
    assert status < 500, answer.text
    if expect == "ok":
        assert status in (200, 201), answer.text
    elif expect == "silent":
        assert status in (200, 201, 400, 401, 403), answer.text
    elif expect == "notfound":
        assert status == 404
    else:
        assert found in [CHALLENGES[word] for word in (expect, *row.get("also", [])) if word in CHALLENGES]
    if status >= 400:
        assert answer.headers["Cache-Control"] == "no-store"
        assert isinstance(answer.get_json()["message"], str)
