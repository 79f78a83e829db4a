"""The action for GitHub and the template for GitLab: what they run, run as their runners do, without any secret."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.publishers import service
from app.publishers.schema import parse_publisher
from app.releases.models import Release
from tests.client import Client, build_environment
from tests.factories import Factory, Organisation
from tests.faulty_proxy import LOSE, FaultyProxy
from tests.oidc_provider import ProviderProcess, run_own_provider
from tests.publishing import build_github_claims, build_gitlab_claims
from tests.stack import PROJECT, Stack

ACTION = PROJECT / ".github" / "actions" / "slipway"
TEMPLATE = PROJECT / "docs" / "ci" / "gitlab.yml"
SECRET = "what-the-runner-knows"


@dataclass(frozen=True)
class World:
    """A Slipway, the issuer of the jobs' identities, and a checkout."""

    stack: Stack
    issuer: ProviderProcess
    owner: Organisation
    product_id: str
    folder: Path

    def trust(self, **members: str) -> None:
        """Has the product trust a job."""
        draft = parse_publisher({"issuer": self.issuer.issuer, **members}, [self.issuer.issuer])
        service.create_publisher(self.owner.actor, self.product_id, draft)

    def run_shell(self, shell: str, script: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a script as a runner does, with nothing of this machine but its commands."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return subprocess.run(
            [*shell.split(), script], cwd=self.folder, env={**build_environment(), "PATH": path, **settings},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def issuer() -> Iterator[ProviderProcess]:
    """Who signs the identities of jobs."""
    with run_own_provider() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def stack(
    shared_app: Flask,
    environment: dict[str, str],
    issuer: ProviderProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A web process that takes them."""
    settings = {**environment, "TRUSTED_ISSUERS": issuer.issuer}
    with Stack(settings, tmp_path_factory.mktemp("ci")) as stack:
        stack.start_web()
        yield stack


@pytest.fixture
def world(make: Factory, owner: Organisation, stack: Stack, issuer: ProviderProcess, tmp_path: Path) -> World:
    """A product, and a checkout of what it is made of."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.4.0\n\n- Lands.\n\n## 1.3.0\n\n- Old.\n")
    for name in ("rocket.tar.gz", "rocket.zip"):
        (tmp_path / name).write_text(name)
    return World(stack, issuer, owner, make.product(owner, "Rocket").id, tmp_path)


@contextmanager
def run_github(world: World) -> Iterator[dict[str, str]]:
    """Stands for the service of GitHub that gives a job its identity; gives the variables that lead there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == f"bearer {SECRET}"
            audience = parse_qs(urlsplit(self.path).query)["audience"][0]
            claims = build_github_claims(world.issuer.issuer, aud=audience, environment=None)
            body = json.dumps({"value": world.issuer.sign_job(claims)}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="github")
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/token?api-version=2.0"
        yield {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fill(expression: str, inputs: Mapping[str, str]) -> str:
    """Gives what GitHub puts in the place of an expression; the job has set no variables of its own."""
    (name,) = re.findall(r"^\$\{\{ inputs\.([a-z-]+)(?: \|\| env\.[A-Z_]+)? \}\}$", expression)
    return inputs[name]


def count_releases() -> int:
    """Gives how many there are."""
    db.session.rollback()
    return int(db.session.scalar(select(func.count()).select_from(Release)) or 0)


def read_release() -> Release:
    """Gives the one that there is."""
    db.session.rollback()
    return db.session.scalars(select(Release)).one()


def test_the_action_releases_from_a_trusted_job_without_a_secret(world: World) -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    # Nothing from outside becomes a part of the script, every input is handed over, and nothing else is run.
    assert "${{" not in step["run"]
    assert {re.findall(r"inputs\.([a-z-]+)", value)[0] for value in step["env"].values()} == set(action["inputs"])
    assert step["run"].count("slipway.py") == 1
    assert not re.search(r"\b(?:curl|wget|pip|eval)\b", step["run"])
    assert {re.findall(r"outputs\.([a-z-]+)", it["value"])[0] for it in action["outputs"].values()} == set(
        action["outputs"]
    )

    world.trust(kind="github", repository="acme/rocket", workflow="release.yml")
    given = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
    given |= {
        "url": world.stack.base_url,
        "product": "Rocket",
        "version": "v1.4.0",
        "platforms": "linux\r\nmac os\n",
        "notes-file": "CHANGELOG.md",
        "files": "rocket.*\n",
        "publish": "true",
    }

    def run(**changes: str) -> subprocess.CompletedProcess[str]:
        inputs = {**given, **changes}
        settings = {name: fill(value, inputs) for name, value in step["env"].items()}
        with run_github(world) as github:
            runner = {"GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_OUTPUT": "output"}
            return world.run_shell(
                "bash --noprofile --norc -eo pipefail -c", step["run"], **settings, **github, **runner
            )

    ended = run()
    assert ended.returncode == 0, ended.stderr
    release = read_release()
    assert (release.name, release.version, release.notes) == ("Rocket 1.4.0", "1.4.0", "- Lands.")
    assert (release.platforms, release.published, release.total_files) == (["linux", "mac os"], True, 2)
    outputs = dict(line.split("=", 1) for line in (world.folder / "output").read_text().splitlines())
    assert set(outputs) == set(action["outputs"])
    assert (outputs["release-id"], outputs["outcome"]) == (release.id, "created")
    assert SECRET not in ended.stdout + ended.stderr + str(outputs)

    assert run().returncode == 0
    # What looks like commands is text, and a word that is neither true nor false is no flag.
    hostile = run(version='1.0"; touch owned; "', name="$(touch owned)", files="")
    assert (hostile.returncode, (world.folder / "owned").exists()) == (3, False)
    assert run(publish="yes").returncode == 2
    assert count_releases() == 1


def test_the_template_of_gitlab_releases_with_one_identity_for_the_whole_job(world: World) -> None:
    template = yaml.safe_load(TEMPLATE.read_text())
    (name,) = template
    job = template[name]
    assert job["id_tokens"] == {"SLIPWAY_ID_TOKEN": {"aud": "$SLIPWAY_URL"}}
    world.trust(kind="gitlab", projectPath="group/sub/rocket")
    claims = build_gitlab_claims(world.issuer.issuer, aud=world.stack.base_url)
    identity = {"SLIPWAY_ID_TOKEN": world.issuer.sign_job(claims)}
    settings = {**job["variables"], "SLIPWAY_VERSION": "v1.4.0", "SLIPWAY_URL": world.stack.base_url}
    settings |= {"SLIPWAY_PRODUCT": world.product_id, "SLIPWAY_NOTES_FILE": "CHANGELOG.md", "SLIPWAY_PUBLISH": "true"}
    script = "\n".join(job["script"])
    digest = subprocess.run(
        ["sha256sum", PROJECT / "static" / "cli" / "slipway.py"], capture_output=True, text=True, check=True
    ).stdout.split()[0]

    refused = world.run_shell("sh -ec", script, **settings, **identity, SLIPWAY_CLIENT_SHA256="0" * 64)
    assert refused.returncode == 1
    pinned = {**settings, "SLIPWAY_FILES": "rocket.*", "SLIPWAY_CLIENT_SHA256": digest}
    ended = world.run_shell("sh -ec", script, **pinned, **identity)
    assert ended.returncode == 0, ended.stderr
    release = read_release()
    assert (release.version, release.notes, release.published, release.total_files) == ("1.4.0", "- Lands.", True, 2)
    assert f"SLIPWAY_RELEASE_ID={release.id}\n" in (world.folder / "slipway.env").read_text()
    used = world.run_shell("sh -ec", script, **settings, **identity)
    assert (used.returncode, "slipway token --output" in used.stderr) == (4, True)
    assert identity["SLIPWAY_ID_TOKEN"] not in used.stdout + used.stderr


def test_the_page_of_the_client_is_followed_from_the_first_command_to_the_last(world: World) -> None:
    page = (PROJECT / "docs" / "client.md").read_text()
    commands = "\n".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    assert commands.count("slipway.py ") == 3
    (job,) = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)]
    used = job["jobs"]["release"]["steps"][-1]
    assert set(used["with"]) <= set(yaml.safe_load((ACTION / "action.yml").read_text())["inputs"])
    assert job["permissions"]["id-token"] == "write"

    world.trust(kind="github", repository="acme/rocket", workflow="release.yml")
    (world.folder / "dist").mkdir()
    (world.folder / "dist" / "rocket.zip").write_text("rocket")
    commands = commands.replace("http://127.0.0.1:8000", world.stack.base_url).replace("/tmp/", f"{world.folder}/")
    with run_github(world) as github:
        ended = world.run_shell("bash -euo pipefail -c", commands, **github)
    assert ended.returncode == 0, ended.stderr
    assert (read_release().published, read_release().total_files) == (True, 1)


def test_one_identity_serves_several_commands_by_a_token_in_a_file(world: World) -> None:
    world.trust(kind="github", repository="acme/rocket", workflow="release.yml")
    with run_github(world) as github:
        job = Client(world.folder, build_environment(SLIPWAY_URL=world.stack.base_url, **github))
        made = job.run("token", "--output", "token")
        assert (made.code, made.out) == (0, ""), made
        assert (world.folder / "token").stat().st_mode & 0o777 == 0o600
        shown = job.run("token", GITHUB_ACTIONS="true")
        assert shown.err.startswith("slipway: The token is for Rocket, until ")
        assert f"\n::add-mask::{shown.out}" in shown.err
        with FaultyProxy(world.stack.port) as proxy:
            # Slipway takes each identity once: after an answer that got lost the job shows another one.
            proxy.plan(LOSE)
            away = {"SLIPWAY_URL": proxy.url, "SLIPWAY_AUDIENCE": world.stack.base_url}
            lost = job.run("token", "--retry-delay", "0.01", **away)
            assert (lost.code, len([seen for seen in proxy.seen if seen.method == "POST"])) == (0, 3), lost
            # A server might ask for an identity that another one takes.
            strange = job.run("token", SLIPWAY_URL=proxy.url)
            assert (strange.code, f"identity for {world.stack.base_url}, which is not its" in strange.err) == (4, True)
        other = job.run("create", "--product", "Saturn", "--version", "1.0")
        assert (other.code, "claim repository: acme/rocket" in other.err) == (4, True), other
    kept = Client(world.folder, build_environment(SLIPWAY_URL=world.stack.base_url, SLIPWAY_TOKEN_FILE="token"))
    for product in ("Rocket", world.product_id):
        ended = kept.run("create", "--product", product, "--version", "1.4.0")
        assert ended.code == 0, ended
    assert kept.run("create", "--product", "Saturn", "--version", "1.0").code == 4
    assert kept.run("upload", "rocket.zip", "--product", "Rocket", "--version", "1.4.0").code == 0
    assert kept.run("publish", read_release().id).code == 0
    assert "productName\tRocket\n" in kept.run("whoami").out
    assert read_release().published
    stranger = Client(world.folder, build_environment(SLIPWAY_URL=world.stack.base_url, SLIPWAY_ID_TOKEN="a.b.c"))
    assert stranger.run("list").code == 4
