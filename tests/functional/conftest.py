"""What tests of several features share: an empty storage, and a product that trusts jobs of CI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from app.publishers.issuers import Issuers
from tests.factories import Factory
from tests.oidc_provider import ProviderProcess, run_own_provider
from tests.publishing import PublishingWorld
from tests.stored import empty_storage


@pytest.fixture
def storage(data_dir: Path) -> Iterator[None]:
    """Finds an empty storage, and leaves one."""
    empty_storage(data_dir)
    yield
    empty_storage(data_dir)


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    """The issuer of a module's tests."""
    with run_own_provider() as provider:
        yield provider


@pytest.fixture
def world(app: Flask, make: Factory, process: ProviderProcess, monkeypatch: pytest.MonkeyPatch) -> PublishingWorld:
    """Makes one; what Slipway remembers of the issuer is new."""
    slipway = replace(app.extensions["slipway"], issuers=Issuers([process.issuer]))
    monkeypatch.setitem(app.extensions, "slipway", slipway)
    process.control()
    owner = make.organisation()
    return PublishingWorld(app, make, process, owner, make.product(owner, "Rocket").id, make.product(owner).id)
