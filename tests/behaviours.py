"""What raw receivers can do to a sender: each function here gives one way to behave, or is one."""

from __future__ import annotations

from collections.abc import Callable

from tests.receivers import Peer

Behave = Callable[[Peer], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
EMPTY = HEAD + b"Content-Length: 0\r\n\r\n"


def answer(data: bytes) -> Behave:
    """Gives a receiver that reads the request and sends these bytes."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(data)

    return behave


def answer_first(data: bytes) -> Behave:
    """Gives a receiver that sends these bytes, and reads nothing."""

    def behave(peer: Peer) -> None:
        peer.send(data)
        peer.wait()

    return behave


def flood(head: bytes, data: bytes) -> Behave:
    """Gives a receiver that answers with a head and then with the same bytes without end."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.flood(data)

    return behave


def drip(head: bytes, data: bytes) -> Behave:
    """Gives a receiver that answers with a head at once, and then byte after byte without end."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.drip(data)

    return behave


def hold(head: bytes = b"") -> Behave:
    """Gives a receiver that reads the request, sends these bytes, and nothing more."""

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(head)
        peer.wait()

    return behave


def reset_after(data: bytes) -> Behave:
    """Gives a receiver that answers before it has read the body, and then resets the connection."""

    def behave(peer: Peer) -> None:
        peer.connection.recv(100)
        peer.send(data)
        peer.wait(0.1)
        peer.reset()

    return behave


def answer_late(peer: Peer) -> None:
    """Takes its time, but not too much of it."""
    peer.read_request()
    peer.wait(0.2)
    peer.send(EMPTY)


def read_slowly(peer: Peer) -> None:
    """Reads the request a byte at a time."""
    while not peer.wait(0.02) and peer.connection.recv(1):
        pass


def reset_after_request(peer: Peer) -> None:
    """Reads the request and resets the connection."""
    peer.read_request()
    peer.reset()
