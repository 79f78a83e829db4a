"""Asks for the addresses of a host name, and never waits longer than it was told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue

Answer = Sequence[str] | OSError


def resolve_name(host: str, timeout_seconds: float) -> Sequence[str]:
    """Takes a host name; gives its IPv4 and IPv6 addresses in the order in which they should be tried (RFC 6724).

    Raises OSError if the name has none or nobody can say, TimeoutError if that takes longer than it may.
    """
    # getaddrinfo cannot be interrupted. It is left to a thread that ends by itself, once the system's resolver has
    # given up; a caller waits for its own time, so such threads cannot pile up faster than callers come and go.
    answers: SimpleQueue[Answer] = SimpleQueue()
    threading.Thread(target=_look_up, args=(host, answers), name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(timeout_seconds, 0))
    except Empty:
        raise TimeoutError(f"no answer within {timeout_seconds:.1f} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _look_up(host: str, answers: SimpleQueue[Answer]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        answers.put(error)
    except UnicodeError as error:
        answers.put(OSError(f"not a host name: {error}"))
    else:
        answers.put([str(address[0]) for *_, address in found])
