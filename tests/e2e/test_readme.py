"""The README, as a stranger follows it: every command in it is run, in order, in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.embedded import ValkeyServer
from tests.receivers import Receiver
from tests.services import postgres_url
from tests.stack import PROJECT, find_free_port, wait_until
from tests.supervised import START_SECONDS, build_environment

README = (PROJECT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
LONG_RUNNING = ("gunicorn", "worker", "relay")


def find_block(word: str) -> str:
    """Gives the one block of commands that holds the word."""
    (block,) = [str(block) for block in BLOCKS if word in block]
    return block


class Stranger:
    """Somebody with a fresh copy of the project and a shell in it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.port = environment["PORT"]
        self.environment = environment
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for name in filter(None, listed.stdout.split("\0")):
            if (PROJECT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, folder / name)
        # Installing it all again would test pip.
        (folder / ".venv").symlink_to(PROJECT / ".venv")

    def fit(self, commands: str) -> str:
        """Gives the commands with the port of this run."""
        return commands.replace(":8000", f":{self.port}")

    def start(self, commands: str) -> subprocess.Popen[str]:
        """Starts commands in a shell."""
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self.fit(commands)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, commands: str) -> str:
        """Runs commands to their end; gives what they printed."""
        process = self.start(commands)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        return output

    def is_ready(self) -> bool:
        """Whether what was started serves."""
        probe = ["curl", "-sS", "--fail", f"http://127.0.0.1:{self.port}/readyz"]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def stop(process: subprocess.Popen[str]) -> None:
    """Stops a process and all that it started. gunicorn gives a worker 30 s that was forked at this very moment."""
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    assert not psutil.wait_procs(family, timeout=10)[1]


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Stranger]:
    """A stranger who has run ``make run``."""
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    port = find_free_port()
    environment = build_environment(folder / "instance", port)
    environment |= {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "LOG_LEVEL": "INFO"}
    stranger = Stranger(folder, environment)
    server = stranger.start("make run")
    try:
        wait_until(stranger.is_ready, START_SECONDS, "make run serves")
        yield stranger
    finally:
        stop(server)


def run_python_block() -> dict[str, Any]:
    """Gives what the README's Python defines."""
    names: dict[str, Any] = {}
    exec(re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)[0], names)
    return names


def test_a_stranger_follows_the_readme_from_the_first_line_to_the_last(stranger: Stranger) -> None:
    with Receiver() as receiver:
        webhook = find_block('"name": "Deploys"')
        story = "\n".join(
            [
                find_block("bootstrap"),
                find_block("product create"),
                webhook,
                webhook.replace("https://example.com/hook", receiver.url),
                find_block('"version": "1.4.0"'),
                find_block("/publish"),
                find_block("slipway.py"),
                find_block("webhook-event-logs"),
                'echo "TOKEN=$TOKEN"',
                find_block("secrets rotate"),
                find_block("/metrics"),
                find_block("token revoke"),
                find_block("VACUUM"),
                find_block("reset-password"),
            ]
        )
        output = stranger.run(story)
        wait_until(lambda: len(receiver.requests) == 5, 10, "two events of each release and the test arrive")
    assert '"version":"1.4.0"' in output
    assert '"published":true' in output
    assert '"errors"' not in output
    assert '"deliveryId"' in output
    assert '"matching":' in output
    assert 'slipway_deliveries{state="delivered"}' in output
    assert "/sign-in/reset/" in output
    assert "1.5.0" in output
    assert (stranger.folder / "backup.db").stat().st_size > 0
    customer_page = stranger.run("curl -sS http://127.0.0.1:8000/acme/rocket")
    assert "Lands by itself" in customer_page
    token = output.partition("TOKEN=")[2].partition("\n")[0]
    refused = stranger.run(f"curl -sS http://127.0.0.1:8000/v3/releases -H 'Authorization: Bearer {token}'")
    assert '"invalid_token"' in refused

    secret = re.findall(r'"token":"([^"]+)"', output)[-1]
    is_genuine = run_python_block()["is_genuine"]
    for request in receiver.requests:
        assert is_genuine(secret, request.body, request.headers["Webhook-Signature"])
        assert not is_genuine(secret, request.body + b" ", request.headers["Webhook-Signature"])


def test_the_parts_serve_one_by_one_on_postgresql_and_redis(tmp_path: Path, queue_server: ValkeyServer) -> None:
    queue_server.start()
    setup, upgrade, *parts = find_block("gunicorn").strip().split("\n")
    with postgres_url() as url:
        port = find_free_port()
        environment = build_environment(tmp_path / "data", port) | {
            "DATABASE_URL": url,
            "REDIS_URL": queue_server.url,
            "SECRET_KEY": "a-secret-key-that-only-tests-know-0123456789",
        }
        stranger = Stranger(tmp_path, environment)
        stranger.run(f"{setup}\n{upgrade}")
        running = [stranger.start(f"exec {part}") for part in parts]
        try:
            assert [any(word in part for word in LONG_RUNNING) for part in parts] == [True] * 3
            wait_until(stranger.is_ready, START_SECONDS, "gunicorn serves")
            assert [process.poll() for process in running] == [None] * 3
        finally:
            for process in running:
                stop(process)
    assert [process.returncode for process in running] == [0] * 3


def test_the_first_two_commands_are_those_of_the_makefile() -> None:
    assert re.findall(r"^make (\w+)", BLOCKS[0], re.MULTILINE) == ["run", "test"]
    for target in ("run", "test", "setup", "lint", "bench", "help"):
        subprocess.run(["make", "--dry-run", target], cwd=PROJECT, capture_output=True, check=True)


def test_no_block_of_the_readme_is_left_out() -> None:
    words = ("make run", "bootstrap", "product create", '"version": "1.4.0"', "/publish", '"name": "Deploys"')
    later = (
        "gunicorn",
        "webhook-event-logs",
        "token revoke",
        "secrets rotate",
        "/metrics",
        "VACUUM",
        "reset-password",
        "slipway.py",
    )
    run = [find_block(word) for word in (*words, *later)]
    assert sorted(run) == sorted(BLOCKS)
