"""Makes one attempt as a worker does, and waits for it."""

from __future__ import annotations

from typing import Any

from app.webhooks import delivery
from app.webhooks.delivery import Outcome
from app.webhooks.reactor import Reactor


def send(*arguments: Any, **options: Any) -> Outcome:
    """Gives what ``delivery.send`` comes to in a reactor, or raises what it raises."""
    found: list[Outcome | Exception] = []

    async def attempt() -> None:
        try:
            found.append(await delivery.send(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - it is raised again where it was asked for
            found.append(error)

    with Reactor("attempt", lambda: None) as reactor:
        reactor.start([attempt()])
    [outcome] = found
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
