"""The client, ``static/cli/slipway.py``: as a module to look into, and as the program that it is."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.stack import PROJECT

PATH = PROJECT / "static" / "cli" / "slipway.py"
# What a machine of CI may have set, and no test wants to hear of.
_MEANT_FOR_IT = ("SLIPWAY_", "ACTIONS_", "GITHUB_", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


@cache
def load_client() -> Any:
    """Gives the client as a module. Nothing is written beside it: what lies there is served."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)
        spec = importlib.util.spec_from_file_location("slipway_client", PATH)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        # Its data classes look their module up.
        patch.setitem(sys.modules, "slipway_client", module)
        spec.loader.exec_module(module)
    return module


def build_environment(**settings: str) -> dict[str, str]:
    """Gives the environment of a job in which nothing is set for the client but this."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(_MEANT_FOR_IT)}
    return {**clean, **settings}


@dataclass(frozen=True)
class Ended:
    """How a run of the client ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Client:
    """Somebody who runs the client in a folder, with an environment of their own."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, given: str = "", **settings: str) -> Ended:
        """Runs one command with what is given to its stdin; waits little between its tries."""
        ended = subprocess.run(
            [sys.executable, str(PATH), *arguments],
            cwd=self.folder,
            env={**self.environment, **settings},
            input=given.encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
