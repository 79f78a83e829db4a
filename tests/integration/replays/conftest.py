"""What all tests of replays share: a webhook of some days ago, and nobody who waits for the ramp."""

from __future__ import annotations

import pytest

from app.webhooks.models import Webhook
from tests.factories import Factory, Organisation
from tests.replaying import DEAF, age, hurry


@pytest.fixture(autouse=True)
def no_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the ramp."""
    hurry(monkeypatch)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook of some days ago, whose receiver is away."""
    return age(make.webhook(owner, DEAF))
