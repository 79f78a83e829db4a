"""The client as a job of CI runs it: the file itself, by a Python of its own, against a real server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.audit.models import AuditEntry
from app.extensions import db
from app.files.models import ReleaseFile
from app.imports import steps
from app.releases.models import Release
from app.webhooks.models import Event
from tests.client import Client, Ended, build_environment, load_client
from tests.factories import Factory, Organisation
from tests.faulty_proxy import CUT, LOSE, REFUSE, FaultyProxy, answering
from tests.stack import Stack, wait_until

CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.4.0] - 2024-05-01

### Added

- Grüße, and 😀 as in [the docs].

## [1.3.0] - 2024-04-01

- Old.

[the docs]: https://example.com/docs
"""
NOTES = "### Added\n\n- Grüße, and 😀 as in [the docs].\n\n[the docs]: https://example.com/docs"


@pytest.fixture(scope="module")
def stack(shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A web process."""
    with Stack(environment, tmp_path_factory.mktemp("client")) as stack:
        stack.start_web()
        yield stack


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Iterator[FaultyProxy]:
    """What stands before it."""
    with FaultyProxy(stack.port) as proxy:
        yield proxy


@dataclass(frozen=True)
class Job:
    """A job of CI with a checkout, a token, and a product to release."""

    client: Client
    owner: Organisation
    product_id: str
    token: str

    @property
    def folder(self) -> Path:
        """Where it runs."""
        return self.client.folder

    def run(self, *arguments: str, code: int = 0, given: str = "", **settings: str) -> Ended:
        """Runs the client, which must end with this code, and never show the token."""
        ended = self.client.run(*arguments, given=given, **settings)
        assert ended.code == code, (arguments, ended)
        assert self.token not in ended.out + ended.err
        return ended


@pytest.fixture
def job(make: Factory, owner: Organisation, proxy: FaultyProxy, tmp_path: Path) -> Job:
    """A job that finds its product by the name."""
    proxy.plan()
    token = make.caller(owner, "release:read", "release:write", "product:read").token
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    (tmp_path / "dist").mkdir()
    for name in ("rocket-linux.tar.gz", "rocket-mac.zip"):
        (tmp_path / "dist" / name).write_bytes(name.encode() * 100_000)
    settings = build_environment(SLIPWAY_URL=proxy.url, SLIPWAY_TOKEN=token)
    return Job(Client(tmp_path, settings), owner, make.product(owner, "Rocket").id, token)


def count(model: Any) -> int:
    """Gives the number of a model's rows."""
    db.session.rollback()
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


def count_all() -> list[int]:
    """Gives how much there is of whatever the client could make."""
    return [count(model) for model in (Release, ReleaseFile, Event, AuditEntry)]


CREATE = ("create", "--product", "Rocket", "--version", "v1.4.0", "--notes-file", "CHANGELOG.md", "--platform", "linux")
FILL = ("--file", "dist/*.gz", "dist/*.zip", "--open", "--publish")


def test_a_job_makes_one_release_with_its_files_however_often_it_runs(job: Job) -> None:
    first = job.run(*CREATE, *FILL, "--json", "--github-output", "--dotenv", "job.env", GITHUB_OUTPUT="output")
    made = first.document["release"]
    assert (first.document["outcome"], made["name"], made["version"], made["notes"]) == (
        "created", "Rocket 1.4.0", "1.4.0", NOTES,
    )  # fmt: skip
    assert (made["published"], made["platforms"], made["totalFiles"]) == (True, ["linux"], 2)
    checksums = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (job.folder / "dist").iterdir()}
    assert {file["name"]: file["checksum"] for file in made["files"]} == checksums
    told = f"release-id={made['id']}\nversion=1.4.0\nurl={first.document['url']}\noutcome=created\npublished=true\n"
    assert (job.folder / "output").read_text() == told
    assert f"SLIPWAY_RELEASE_ID={made['id']}\n" in (job.folder / "job.env").read_text()

    there = count_all()
    again = job.run(*CREATE, *FILL)
    assert again.out.strip() == made["id"]
    assert "Already there, with the same content" in again.err
    assert job.run("publish", made["id"]).out.strip() == made["id"]
    job.run("upload", "dist/*", "--product", "Rocket", "--version", "1.4")
    assert count_all() == there

    assert job.run("latest", "--product", job.product_id, "--platform", "linux", SLIPWAY_TOKEN="").out == "1.4.0\n"
    check = ("update-check", "--product", job.product_id, "--platform", "linux", "--version")
    assert [job.run(*check, version).out for version in ("1.3.9", "1.4.0")] == ["1.4.0\n", ""]


def test_a_job_that_another_one_overtakes_has_nothing_left_to_do(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = load_client()
    send = client._send_file

    def overtake(*arguments: Any) -> Any:
        monkeypatch.setattr(client, "_send_file", send)
        job.run(*CREATE, *FILL)
        return send(*arguments)

    monkeypatch.setattr(client, "_send_file", overtake)
    monkeypatch.chdir(job.folder)
    assert client.run([*CREATE, *FILL, "--json"], job.client.environment) == 0
    ended = capsys.readouterr()
    assert ended.err.count("is there already") == 2
    release = json.loads(ended.out)["release"]
    assert (release["published"], release["totalFiles"]) == (True, 2)


def test_a_draft_is_filled_changed_and_published_step_by_step(job: Job) -> None:
    release_id = job.run(*CREATE, "--name", "Rocket, fourth", "--private").out.strip()
    upload = ("upload", "dist/rocket-mac.zip", "--release", release_id)
    job.run(*upload)
    (job.folder / "dist" / "rocket-mac.zip").write_bytes(b"another build")
    refused = job.run(*upload, code=5)
    assert "--replace" in refused.err
    replaced = job.run(*upload, "--replace").out
    assert replaced == f"{hashlib.md5(b'another build').hexdigest()}\t13\trocket-mac.zip\n"
    external = ("--external-url", "https://example.com/r.gz", "--product", "Rocket", "--version", "1.4.0")
    job.run("upload", "dist/rocket-linux.tar.gz", *external)

    changed = ("create", "--product", job.product_id, "--version", "1.4.0", "--platform", "linux", "--notes-file", "-")
    conflict = job.run(*changed, "--json", code=5, given="Other *notes*.").document["error"]
    assert (conflict["exitCode"], conflict["existing"]["id"]) == (5, release_id)
    ignored = job.run(*changed, "--on-conflict", "ignore", "--json", given="Other *notes*.").document
    assert (ignored["outcome"], ignored["release"]["notes"]) == ("ignored", NOTES)
    both = (*changed, "--on-conflict", "update", "--json", "--token-file", "-")
    updated = job.run(*both, given=f"{job.token}\nOther *notes*.", SLIPWAY_TOKEN="").document
    assert (updated["outcome"], updated["release"]["notes"]) == ("updated", "Other *notes*.")

    published = job.run("publish", "--product", "Rocket", "--version", "1.4", "--json").document
    assert (published["outcome"], published["release"]["totalFiles"]) == ("published", 2)
    assert job.run("publish", release_id, "--json").document["outcome"] == "unchanged"
    late = job.run("upload", "CHANGELOG.md", "--release", release_id, code=5)
    assert "takes no more files" in late.err


def test_lost_answers_and_busy_servers_make_nothing_twice(job: Job, proxy: FaultyProxy) -> None:
    quick = ("--retry-delay", "0.01")
    busy = answering(429, Retry_After="0")
    proxy.plan(answering(503, Retry_After="0"), busy, REFUSE, LOSE, CUT, reads=(answering(502),))
    release_id = job.run(*CREATE, *quick).out.strip()
    posts = [seen for seen in proxy.seen if seen.method == "POST"]
    assert len(posts) == 6
    assert len({seen.headers["Idempotency-Key"] for seen in posts}) == 1
    assert (count(Release), count(Event)) == (1, 1)

    proxy.plan(LOSE, answering(504))
    job.run("upload", "dist/rocket-linux.tar.gz", "--release", release_id, *quick)
    assert [seen.method for seen in proxy.seen if seen.method != "GET"] == ["PUT"] * 3
    assert (count(ReleaseFile), count(Event)) == (1, 2)

    proxy.plan(LOSE)
    job.run("publish", release_id, *quick)
    assert count(Event) == 3

    proxy.plan(*[REFUSE] * 3)
    assert "cannot be reached" in job.run(*CREATE, *quick, "--retries", "2", code=7).err
    proxy.plan(*[busy] * 2)
    assert job.run(*CREATE, *quick, "--retries", "1", "--json", code=7).document["error"]["exitCode"] == 7
    # A redirect could lead the token anywhere.
    proxy.plan(reads=(answering(302, Location="http://127.0.0.1:9/v3/releases"),))
    assert "http://127.0.0.1:9/v3/releases" in job.run("list", code=2).err
    assert len(proxy.seen) == 1


def test_a_dry_run_says_what_would_happen_and_writes_nothing(job: Job) -> None:
    before = count_all()
    fresh = job.run(*CREATE, *FILL, "--dry-run", "--json").document
    assert (fresh["outcome"], fresh["normalized"]["notes"]) == ("would_be_created", NOTES)
    assert [step.split()[0] for step in fresh["steps"]] == ["create", "send", "send", "publish"]
    assert count_all() == before

    release_id = job.run(*CREATE).out.strip()
    job.run("upload", "dist/rocket-linux.tar.gz", "--release", release_id)
    (job.folder / "dist" / "rocket-linux.tar.gz").write_bytes(b"another build")
    before = count_all()
    for arguments, code, word in (
        ((*CREATE, *FILL), 5, "--replace"),
        ((*CREATE, *FILL, "--replace"), 0, "send rocket-linux.tar.gz (13 bytes)"),
        (("upload", "dist/rocket-linux.tar.gz", "--release", release_id), 5, "--replace"),
        (CREATE, 0, "leave the release as it is"),
        ((*CREATE, "--name", "x"), 5, "would be a conflict"),
        ((*CREATE, "--name", "x", "--on-conflict", "update"), 0, "update the release"),
        ((*CREATE[:-1], "", "--name", ""), 3, "Name is required"),
        (("publish", release_id), 0, "publish Rocket 1.4.0"),
        (("upload", "dist/rocket-mac.zip", "--release", release_id), 0, "send rocket-mac.zip (1400000 bytes)"),
        (("import", "CHANGELOG.md", "--product", "Rocket"), 0, "create\t2\n"),
    ):
        ended = job.run(*arguments, "--dry-run", code=code)
        assert word in ended.out + ended.err, ended
    assert count_all() == before


def test_whatever_goes_wrong_has_its_code_and_says_all_of_it(job: Job, make: Factory) -> None:
    writer = make.caller(job.owner, "release:write").token
    (job.folder / "empty.bin").touch()
    wrong = [
        (("create", "--product", "Rocket"), 2, {}, "--version"),
        (("create", "--product", "Rocket", "--version", "1.0", "--file", "dist/*.exe"), 2, {}, "names no file"),
        (("create", "--product", "Rocket", "--version", "1.0", "--file", "empty.bin"), 3, {}, "empty.bin is empty"),
        (("publish", "--product", "Rocket", "--version", "v7"), 3, {}, "7 is no version"),
        (("list",), 2, {"SLIPWAY_URL": ""}, "SLIPWAY_URL"),
        (("list",), 2, {"SLIPWAY_URL": "https://me:secret@example.com"}, "must be like"),
        (("list", "--filter", "version"), 2, {}, "version[gte]=1.2"),
        ((*CREATE[:4], "9.9", *CREATE[5:]), 3, {}, "It has Unreleased, 1.4.0, 1.3.0."),
        (("create", "--product", job.product_id, "--version", "1", "--name", "", "--channel", ""), 3, {}, "name: "),
        (("list", "--filter", "createdAt[gt]=x"), 3, {}, "createdAt[gt]"),
        (("list",), 4, {"SLIPWAY_TOKEN": ""}, "SLIPWAY_TOKEN"),
        (("list",), 4, {"SLIPWAY_TOKEN": "no.good.token"}, "token"),
        (CREATE, 4, {"SLIPWAY_TOKEN": writer}, "product:read"),
        (("create", "--product", "Rokcet", "--version", "1.0"), 6, {}, "There are: Rocket."),
        (("publish", "--product", "Rocket", "--version", "7.7"), 6, {}, "no release of Rocket with the version 7.7"),
        (("publish", "0f8fad5b-d9cb-469f-a165-70867728950e"), 6, {}, "no such release"),
    ]
    with ThreadPoolExecutor(2) as pool:
        endings = list(pool.map(lambda row: job.client.run(*row[0], **row[2]), wrong))
    bad = [
        (row[0], ended) for row, ended in zip(wrong, endings, strict=True)
        if (ended.code, row[3] in ended.err, ended.out, "Traceback" in ended.err) != (row[1], True, "", False)
    ]  # fmt: skip
    assert bad == []
    assert all(token not in ended.err for ended in endings for token in (writer, job.token, "secret", "no.good.token"))
    everything = job.run("create", "--product", job.product_id, "--version", "1", "--name", "", "--json", code=3)
    assert [error["field"] for error in everything.document["error"]["errors"]] == ["name", "version"]


def import_all(job: Job, *command: str) -> Ended:
    """Runs a command that imports, and meanwhile does what the relay does."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(job.run, *command)
        wait_until(lambda: (steps.take_steps(), running.done())[1], 30, "imported")
    return running.result()


def test_a_history_is_imported_imported_again_and_listed_page_by_page(
    job: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    versions = [f"0.{minor}" for minor in range(1, 13)]
    rows = [{"version": version, "notes": "* x", "createdAt": "2019-08-24T14:15:22Z"} for version in versions]
    history = job.folder / "history.jsonl"
    history.write_text("\n".join(json.dumps(row) for row in rows))
    command = ("import", "history.jsonl", "--product", "Rocket", "--publish", "--json")
    for outcome in ("created", "same"):
        assert import_all(job, *command).document["import"]["counts"][outcome] == len(versions)
    assert count(Release) == len(versions)

    rows = [{"version": "0.1", "notes": "other"}, {"version": "x"}, {"version": "0.200"}]
    history.write_text("\n".join(json.dumps(row) for row in rows))
    refused = job.run(*command, "--all-or-nothing", code=3).document["error"]
    assert [row["state"] for row in refused["rows"]] == ["conflict", "error"]
    assert count(Release) == len(versions)

    client = load_client()
    monkeypatch.setattr(client, "PAGE_LIMIT", 5)
    query = ["list", "--product", "Rocket", "--filter", "version[gte]=0.2", "--sort", "-version"]
    for amount, wanted in ((["--all"], versions[:0:-1]), (["--limit", "7"], versions[:4:-1])):
        assert client.run([*query, *amount], job.client.environment) == 0
        assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == wanted
    # Where a server leaves the link to the next page out, pages are counted.
    monkeypatch.setattr(client, "_read_cursor", lambda _link: None)
    assert client.run([*query, "--all"], job.client.environment) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(versions) - 1
