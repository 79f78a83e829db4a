"""Child processes that live no longer than their supervisor, whatever it dies of.

All children, and theirs in turn, are in the process group of a guardian. It reads a pipe that only the
supervisor can write to: when the supervisor is gone, by SIGKILL too, the pipe ends and the guardian ends the
group. Pipes and process groups are all it needs, so that it works on every POSIX system.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn, Protocol

# What children may still do once their supervisor is gone.
ORPHAN_SECONDS = 5.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HANDLED_SIGNALS = (*_STOP_SIGNALS, signal.SIGCHLD)
_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 30.0
_STEADY_SECONDS = 30.0


class Process(Protocol):
    """What a supervised child can be asked."""

    @property
    def pid(self) -> int | None:
        """The process id, or None if it was not started."""

    def poll(self) -> int | None:
        """Gives the exit code once the process has ended, else None."""


class Guardian:
    """Leads the process group of all children, and ends it when the supervisor is gone."""

    def __init__(self) -> None:
        """Forks the guardian. Descriptors that are open now stay open until it ends, locks included."""
        self._alive_end, self._supervisor_end = os.pipe()
        self._group_end, self.children_end = os.pipe()
        self.group = os.fork()
        if self.group == 0:
            self._guard()
        # Both sides set the group, so that it is set whoever comes first.
        os.setpgid(self.group, self.group)
        os.close(self._alive_end)
        os.close(self._group_end)

    def adopt(self) -> None:
        """Called by a child right after its fork: joins the group, and lets go what is the supervisor's."""
        os.setpgid(0, self.group)
        os.close(self._supervisor_end)

    def is_running(self) -> bool:
        """Whether the guardian is there."""
        try:
            return os.waitpid(self.group, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def dismiss(self) -> None:
        """Ends whatever is left of the group, and waits for it."""
        os.close(self._supervisor_end)
        os.close(self.children_end)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.group, 0)

    def kill_group(self) -> None:
        """Ends the whole group at once, the guardian included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)

    def _guard(self) -> NoReturn:
        os.setpgid(0, 0)
        # It is in the group that it ends, and must outlive the polite part.
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        os.close(self._supervisor_end)
        os.close(self.children_end)
        os.read(self._alive_end, 1)
        os.killpg(0, signal.SIGTERM)
        # Every child, and every child of one, holds the other end: this pipe ends with the last of them.
        if not select.select([self._group_end], [], [], ORPHAN_SECONDS)[0]:
            os.killpg(0, signal.SIGKILL)
        os._exit(0)


class ForkedProcess:
    """A child that runs a function in a fork: everything that was imported is there already."""

    def __init__(self, run: Callable[[], object], guardian: Guardian) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._code: int | None = None
        # A signal that comes between the fork and its first lines must not be taken for the supervisor's.
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED_SIGNALS)
        self.pid: int | None = os.fork()
        if self.pid == 0:
            _run_child(run, guardian)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)
        with contextlib.suppress(OSError):
            os.setpgid(self.pid, guardian.group)

    def poll(self) -> int | None:
        """Gives the exit code (negative: the signal that ended it) once the process has ended, else None."""
        if self._code is None and self.pid is not None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code


class Child:
    """One child of the supervisor: started by its function, and again with growing delays when it dies."""

    def __init__(self, name: str, start: Callable[[], Process]) -> None:
        self.name = name
        self._start = start
        self._process: Process | None = None
        self._started_at = 0.0
        self._delay_seconds = _FIRST_DELAY_SECONDS
        self._due_at = 0.0

    def start(self) -> None:
        """Starts it now."""
        self._process = self._start()
        self._started_at = time.monotonic()

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def revive(self) -> float | None:
        """Starts it again if it died and its delay is over; gives the seconds to wait, None if it runs."""
        if self._process is not None:
            if (code := self._process.poll()) is None:
                return None
            self._plan_restart(f"ended with exit code {code}")
        wait_seconds = self._due_at - time.monotonic()
        if wait_seconds > 0:
            return wait_seconds
        try:
            self.start()
        except (OSError, RuntimeError) as error:
            self._plan_restart(f"cannot be started: {error}")
        return None if self._process else self._due_at - time.monotonic()

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal if it runs."""
        if self._process is not None and self.is_running() and self._process.pid:
            os.kill(self._process.pid, number)

    def _plan_restart(self, reason: str) -> None:
        now = time.monotonic()
        if now - self._started_at > _STEADY_SECONDS:
            self._delay_seconds = _FIRST_DELAY_SECONDS
        print(  # noqa: T201 - the supervisor's terminal is where its operator looks
            f"slipway: {self.name} {reason}; the next start is in {self._delay_seconds:g} s",
            file=sys.stderr,
            flush=True,
        )
        self._process = None
        self._due_at = now + self._delay_seconds
        self._delay_seconds = min(self._delay_seconds * 2, _LONGEST_DELAY_SECONDS)


class Wakeup:
    """Turns signals into something to wait for: none is lost between looking and waiting."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self.stop_count = 0
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in _HANDLED_SIGNALS:
            signal.signal(number, self._remember)

    def _remember(self, number: int, _frame: object) -> None:
        self.stop_count += number in _STOP_SIGNALS

    def wait(self, seconds: float) -> None:
        """Waits for a signal, at most so long."""
        select.select([self._reader], [], [], max(seconds, 0))
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)


def _run_child(run: Callable[[], object], guardian: Guardian) -> NoReturn:
    code: object = 1
    try:
        guardian.adopt()
        signal.set_wakeup_fd(-1)
        for number in _HANDLED_SIGNALS:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED_SIGNALS)
        code = run()
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - nothing may escape into the supervisor's code, which this fork still holds
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
