"""The client is there for everybody, as the one file that it is."""

from __future__ import annotations

import ast
import hashlib
import sys
from base64 import b64encode

import pytest
from flask.testing import FlaskClient

from tests.client import PATH, load_client

pytestmark = pytest.mark.once


def test_the_client_is_served_with_its_version_and_digest_and_sent_once(client: FlaskClient) -> None:
    answer = client.get("/cli/slipway.py")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "text/x-python", PATH.read_bytes())
    assert answer.headers["Slipway-Client-Version"] == load_client().__version__
    digest = b64encode(hashlib.sha256(answer.data).digest()).decode()
    assert answer.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert answer.headers["Cache-Control"] == "public, no-cache"
    again = client.get("/cli/slipway.py", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get("/cli/other.py").status_code == 404


def test_it_needs_nothing_but_an_old_python() -> None:
    tree = ast.parse(PATH.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names
