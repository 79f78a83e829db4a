"""Asks for the addresses of a host name, and never waits longer than it was told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from app.webhooks.reactor import READ, wait

Answer = Sequence[str] | OSError
LookUp = Callable[[str], Sequence[str]]
_Answers = SimpleQueue[Answer]


def look_up(host: str) -> Sequence[str]:
    """Takes a host name; gives its IPv4 and IPv6 addresses in the order in which they should be tried (RFC 6724).

    Raises OSError if the name has none or nobody can say. It takes as long as the system's resolver does.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"not a host name: {error}") from error
    return [str(address[0]) for *_, address in found]


def resolve_name(host: str, timeout_seconds: float) -> Sequence[str]:
    """Gives what ``look_up`` gives. Raises what it raises, and TimeoutError if that takes longer than it may."""
    answers = _ask(look_up, host, lambda: None)
    try:
        return read_answer(answers.get(timeout=max(timeout_seconds, 0)))
    except Empty:
        raise TimeoutError(f"no answer within {timeout_seconds:.1f} s") from None


async def resolve(host: str, until: float, look: LookUp = look_up) -> Sequence[str]:
    """Does the same inside a reactor, until a moment of ``time.monotonic``."""
    bell, caller = socket.socketpair()
    with bell:
        bell.setblocking(False)
        answers = _ask(look, host, caller.close)
        await wait(bell, READ, until)
        return read_answer(answers.get_nowait())


def _ask(look: LookUp, host: str, tell: Callable[[], None]) -> _Answers:
    # getaddrinfo cannot be interrupted. It is left to a thread that ends by itself, once the system's resolver has
    # given up; a caller waits for its own time, so such threads cannot pile up faster than callers come and go.
    answers: _Answers = SimpleQueue()

    def work() -> None:
        try:
            answers.put(look(host))
        except OSError as error:
            answers.put(error)
        finally:
            tell()

    threading.Thread(target=work, name="resolver", daemon=True).start()
    return answers


def read_answer(answer: Answer) -> Sequence[str]:
    """Gives the addresses, or raises what stands in their place."""
    if isinstance(answer, OSError):
        raise answer
    return answer
