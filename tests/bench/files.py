"""A file of 1 GiB up and down through the real server, on a disk and in a bucket: how fast, and in how much memory."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import func, select

from app import create_app
from app.extensions import db
from app.files.models import Blob
from tests.factories import Factory
from tests.object_store import object_store
from tests.services import postgres_url, valkey
from tests.stack import Stack, wait_until
from tests.stored import list_stored

DESCRIPTION = (
    "One file of 1 GiB by `PUT` and `GET /v3/{releaseId}/{fileName}`: gunicorn (1 process, 8 threads), PostgreSQL, and "
    "an S3 server in Python, which is what takes the time there. Memory is what the web process has at most, beyond "
    "what it had after a small file."
)
SIZE = 2**30
MEMORY_AIM = 64 * 2**20
_PIECE = 1024 * 1024
_SECONDS = 600.0


@dataclass(frozen=True)
class Figure:
    """What went over the wire in how many seconds, and by how many bytes the process has grown at most."""

    seconds: float
    growth: int

    @property
    def speed(self) -> str:
        """Says how fast it was."""
        return f"{SIZE / 2**20 / self.seconds:,.0f} MiB/s"

    @property
    def memory(self) -> str:
        """Says how much more memory it took."""
        return f"+{self.growth / 2**20:.1f} MiB"


class Client:
    """Who sends and fetches files, piece by piece."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}"}

    def put(self, path: str, size: int) -> tuple[dict[str, object], str]:
        """Sends a file; gives what the server says of it, and its MD5."""
        digest = hashlib.md5(usedforsecurity=False)

        def give() -> Iterator[bytes]:
            for piece in build_pieces(size):
                digest.update(piece)
                yield piece

        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        connection.request("PUT", path, give(), {**self._headers, "Content-Length": str(size)})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the server answered {answer.status}: {body[:300]!r}")
        return json.loads(body), digest.hexdigest()

    def get(self, path: str) -> str:
        """Fetches a file; gives its MD5."""
        digest = hashlib.md5(usedforsecurity=False)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_SECONDS)
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        while piece := answer.read(_PIECE):
            digest.update(piece)
        connection.close()
        return digest.hexdigest()

    def break_off(self, path: str) -> None:
        """Begins to send a file, and dies."""
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            lines = [f"PUT {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {SIZE}"]
            lines += [f"{name}: {value}" for name, value in self._headers.items()]
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            for piece in build_pieces(SIZE // 4):
                connection.sendall(piece)


def build_pieces(size: int) -> Iterator[bytes]:
    """Gives so many bytes, no two pieces alike."""
    base = os.urandom(_PIECE)
    for number, start in enumerate(range(0, size, _PIECE)):
        yield (number.to_bytes(8, "big") + base[8:])[: size - start]


class MemoryWatch:
    """Looks again and again at how much memory a process has."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._is_over = threading.Event()
        self.before = self.highest = process.memory_info().rss

    def _run(self) -> None:
        while not self._is_over.wait(0.01):
            self.highest = max(self.highest, self._process.memory_info().rss)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watches during the block."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()


def measure(process: psutil.Process, act: Callable[[], None]) -> Figure:
    """Does something; gives how long it took, and how the process has grown."""
    watch = MemoryWatch(process)
    started = time.perf_counter()
    with watch.watching():
        act()
    return Figure(time.perf_counter() - started, max(0, watch.highest - watch.before))


def run() -> list[tuple[str, str]]:
    """Gives the figures, each with its name."""
    figures: list[tuple[str, str]] = []
    growths: list[int] = []
    with postgres_url() as url, valkey() as queue, tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
            "RATE_LIMIT": "off",
            "LOG_LEVEL": "ERROR",
        }
        app = create_app(environment)
        with app.app_context():
            upgrade()
            growths += _run_case(app, environment, Path(folder), "disk", figures)
            with object_store() as store:
                growths += _run_case(app, {**environment, **store.environment}, Path(folder), "bucket", figures)
                is_clean = store.list_begun() == [] and len(store.list_keys()) == 2
            db.session.remove()
            db.engine.dispose()
    figures.append(("a broken upload leaves nothing in the bucket", "yes" if is_clean else "no"))
    figures.append(("memory stays under +64 MiB", "yes" if max(growths) < MEMORY_AIM else "no"))
    return figures


def _run_case(
    app: Flask, environment: dict[str, str], folder: Path, name: str, figures: list[tuple[str, str]]
) -> list[int]:
    make = Factory(app)
    owner = make.organisation()
    caller = make.caller(owner)
    body = {"name": "App", "version": "1.0", "productId": make.product(owner).id}
    release = caller.post("/v3/releases", json=body).get_json()["id"]
    with Stack(environment, folder) as stack:
        web = stack.start_web(workers=1)
        (worker,) = psutil.Process(web.pid).children()
        client = Client(stack.port, caller.token)
        # The first of each kind loads what the others find loaded.
        client.put(f"/v3/{release}/small.bin", 12 * _PIECE)
        client.get(f"/v3/{release}/small.bin")
        answers: list[tuple[dict[str, object], str]] = []
        up = measure(worker, lambda: answers.append(client.put(f"/v3/{release}/large.bin", SIZE)))
        sums: list[str] = []
        down = measure(worker, lambda: sums.append(client.get(f"/v3/{release}/large.bin")))
        client.break_off(f"/v3/{release}/broken.bin")
        wait_until(lambda: _count_blobs(owner.tenant_id) == 2, 60.0, "nothing is left of what broke off")
        if name == "disk" and len(list_stored(folder)) != 2:
            raise RuntimeError("a broken upload left something")
    ((said, sent),) = answers
    is_right = said["checksum"] == sent == sums[0] and said["size"] == SIZE
    figures += [
        (f"{name}: upload", f"{up.speed}, {up.memory}"),
        (f"{name}: download", f"{down.speed}, {down.memory}"),
        (f"{name}: what was fetched is what was sent", "yes" if is_right else "no"),
    ]
    return [up.growth, down.growth]


def _count_blobs(tenant_id: str) -> int:
    db.session.rollback()
    return db.session.scalars(select(func.count()).where(Blob.tenant_id == tenant_id)).one()


if __name__ == "__main__":
    for title, shown in run():
        sys.stdout.write(f"{title}: {shown}\n")
