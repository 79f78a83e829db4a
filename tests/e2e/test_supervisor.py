"""``python -m app.supervisor`` as its operator meets it: real processes, real signals, real crashes."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from app.config import Settings
from tests.stack import find_free_port, wait_until
from tests.supervised import START_SECONDS, Supervised, build_environment, run_supervisor, run_to_end


def is_leader(process: psutil.Process) -> bool:
    """Whether the process is the guardian, which leads the group of all children."""
    return os.getpgid(process.pid) == process.pid


def assert_nothing_is_left(family: list[psutil.Process]) -> None:
    """Takes what ran; fails if any of it still does after the time that orphans are given."""
    assert len(family) >= 6, "guardian, Valkey, web with its workers, worker and relay"
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervised]:
    """A supervisor for tests that leave it as it is: it serves when they are over."""
    with run_supervisor(tmp_path_factory.mktemp("supervised") / "data") as supervised:
        yield supervised


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with run_supervisor(tmp_path / "data") as supervised:
        family = supervised.list_descendants()
        supervised.process.send_signal(number)
        assert supervised.process.wait(25) == 0
        assert_nothing_is_left(family)
        assert "Traceback" not in supervised.log.read_text()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", supervised.port), 1).close()


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    with run_supervisor(tmp_path / "data") as supervised:
        family = supervised.list_descendants()
        supervised.process.kill()
        supervised.process.wait()
        assert_nothing_is_left(family)


def test_a_start_right_after_a_kill_waits_for_what_was_left_and_serves(tmp_path: Path) -> None:
    with run_supervisor(tmp_path / "data") as first:
        first.process.kill()
        first.process.wait()
        with run_supervisor(tmp_path / "data", first.port) as second:
            wait_until(second.is_ready, START_SECONDS, "the second one serves")


def is_python(process: psutil.Process) -> bool:
    """Whether the process is one of ours, and not Valkey."""
    return "valkey" not in process.name()


@pytest.mark.parametrize("is_victim", [is_python, is_leader], ids=["all but valkey", "guardian"])
def test_a_start_ends_what_a_killed_guardian_could_not(
    tmp_path: Path, is_victim: Callable[[psutil.Process], bool]
) -> None:
    with run_supervisor(tmp_path / "data") as first:
        family = first.list_descendants()
        victims = [child for child in family if is_victim(child)]
        # The guardian must not see its supervisor end, so both are stopped before they are killed.
        for process in (psutil.Process(first.process.pid), *victims):
            process.suspend()
        for process in (psutil.Process(first.process.pid), *victims):
            process.kill()
        first.process.wait()
        left = [process for process in family if process not in victims]
        assert psutil.wait_procs(left, timeout=0.5)[1]
        with run_supervisor(tmp_path / "data", first.port) as second:
            assert_nothing_is_left(family)
            assert second.is_ready()


def test_a_supervisor_that_lost_its_guardian_stops_with_an_error(tmp_path: Path) -> None:
    with run_supervisor(tmp_path / "data") as supervised:
        family = supervised.list_descendants()
        leader = supervised.find_child(is_leader)
        leader.kill()
        assert supervised.process.wait(25) == 1
        assert_nothing_is_left(family)
        assert "slipway: the process that guards the others was killed" in supervised.log.read_text()


def test_killed_children_are_started_again(supervised: Supervised) -> None:
    children = psutil.Process(supervised.process.pid).children()
    leader = supervised.find_child(is_leader)
    for child in children:
        if child != leader:
            child.kill()

    def is_complete() -> bool:
        now = set(psutil.Process(supervised.process.pid).children())
        return len(now) == len(children) and not (now - {leader}) & set(children)

    wait_until(is_complete, 10, "every killed child is replaced")
    wait_until(supervised.is_ready, 10, "the new children serve")
    log = supervised.log.read_text()
    for name in ("valkey", "web", "worker", "relay"):
        assert f"slipway: {name} ended with exit code -9" in log


def test_the_first_start_prints_where_it_serves_and_the_setup_code(supervised: Supervised) -> None:
    environ = build_environment(supervised.data_dir, supervised.port)
    code = run_to_end(environ, "-m", "flask", "--app", "wsgi", "setup-code")
    output = supervised.log.read_text()
    assert f"http://127.0.0.1:{supervised.port}" in output
    assert code.returncode == 0, code.stderr
    assert code.stdout.splitlines()[-1] in output


def test_an_address_with_long_filters_is_read(supervised: Supervised) -> None:
    assert supervised.get(f"/v3/nothing?query={'x' * 8000}")["status"] == 404


def test_a_second_supervisor_for_the_same_data_is_refused_in_one_line(supervised: Supervised) -> None:
    environ = build_environment(supervised.data_dir, find_free_port())
    second = run_to_end(environ, "-m", "app.supervisor")
    assert second.returncode == 1
    assert second.stderr.startswith("slipway: DATA_DIR must have one supervisor only: process ")
    assert second.stderr.count("\n") == 1
    assert supervised.is_ready()


def test_a_port_in_use_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = run_to_end(build_environment(tmp_path / "data", port), "-m", "app.supervisor")
    assert ended.returncode == 1
    assert ended.stderr == f"slipway: PORT {port} on HOST 127.0.0.1 cannot be listened at: Address already in use\n"


def test_a_database_that_is_away_is_one_line(tmp_path: Path) -> None:
    environ = {
        **build_environment(tmp_path / "data", find_free_port()),
        "DATABASE_URL": f"postgresql://slipway:hunter2@127.0.0.1:{find_free_port()}/slipway",
        "SECRET_KEY": "x" * 32,
    }
    ended = run_to_end(environ, "-m", "app.supervisor")
    assert ended.returncode == 1
    assert ended.stderr.startswith("slipway: the database of DATABASE_URL cannot be used: ")
    assert ended.stderr.count("\n") == 1
    assert "hunter2" not in ended.stderr


FLASK = ("-m", "flask", "--app", "wsgi")
GUNICORN = ("-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:0", "--no-control-socket", "--log-level", "critical")
# Each way to start meets a setting that is nonsense by itself; one way on its own and one through the entry of WSGI
# meet a folder, too, that cannot be made.
STARTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "supervisor, port": (("-m", "app.supervisor"), "PORT", "eighty"),
    "supervisor, folder": (("-m", "app.supervisor"), "DATA_DIR", "/dev/null/x"),
    "worker, port": ((*FLASK, "worker"), "PORT", "eighty"),
    "upgrade, port": ((*FLASK, "db", "upgrade"), "PORT", "eighty"),
    "gunicorn, port": (GUNICORN, "PORT", "eighty"),
    "gunicorn, folder": (GUNICORN, "DATA_DIR", "/dev/null/x"),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_bad_setting_stops_every_start_with_one_line(tmp_path: Path, start: str) -> None:
    command, name, value = STARTS[start]
    environ = {**build_environment(tmp_path / "data", 8000), name: value}
    ended = run_to_end(environ, *command)
    assert ended.returncode != 0
    assert ended.stderr.startswith(f"slipway: {name} must be ")
    assert ended.stderr.count("\n") == 1, ended.stderr


def test_a_deep_data_directory_works_and_what_is_in_its_queue_survives_a_restart(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / "data"
    deep.parent.mkdir()
    settings = Settings.from_environ({"DATA_DIR": str(deep)})
    assert deep not in settings.valkey_socket.parents
    for has_begun in (False, True):
        with run_supervisor(deep) as supervised, redis.Redis.from_url(settings.redis_url) as queue:
            family = supervised.list_descendants()
            assert queue.get("kept") == (b"yes" if has_begun else None)
            queue.set("kept", "yes")
            supervised.process.terminate()
            assert supervised.process.wait(25) == 0
            assert_nothing_is_left(family)
            assert "Traceback" not in supervised.log.read_text()
    settings.valkey_socket.unlink(missing_ok=True)
    settings.valkey_socket.parent.rmdir()
