"""What stands in the files of a CI system so that its job gets a token: a few lines to copy. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from app.publishers.kinds import GITHUB, GITLAB

_GITHUB = """on:
  push:
    tags: ["v*"]

permissions:
  contents: read
  id-token: write

jobs:
  release:
    runs-on: ubuntu-latest
{environment}    env:
      SLIPWAY_URL: {url}
    steps:
      - uses: actions/checkout@v4
      - run: |
          curl -sSfO "$SLIPWAY_URL/cli/slipway.py"
          python3 slipway.py create --product {product} \\
            --version "$GITHUB_REF_NAME" --notes-file CHANGELOG.md --publish
"""
_GITLAB = """release:
  image: python:3
  rules:
    - if: $CI_COMMIT_TAG
{environment}  variables:
    SLIPWAY_URL: {url}
  id_tokens:
    SLIPWAY_ID_TOKEN:
      aud: {url}
  script:
    - curl -sSfO "$SLIPWAY_URL/cli/slipway.py"
    - python3 slipway.py create --product {product}
      --version "$CI_COMMIT_TAG" --notes-file CHANGELOG.md --publish
"""
_OTHER = """# ID_TOKEN holds the identity token of the job, for the audience {url}
curl -sS {url}/v3/oidc/mint-token -H 'Content-Type: application/json' \\
  -d '{{"token": "'"$ID_TOKEN"'", "productId": "{product}"}}'
"""


def build_snippet(kind: str, members: Mapping[str, Any], product_id: str, base_url: str) -> str:
    """Takes what a publisher is, its product and this installation; gives the job's lines."""
    template = {GITHUB: _GITHUB, GITLAB: _GITLAB}.get(kind, _OTHER)
    environment = members.get("environment")
    indent = "    " if kind == GITHUB else "  "
    # What JSON spells is YAML as well, and nothing that was typed can end the line.
    line = f"{indent}environment: {json.dumps(environment)}\n" if environment else ""
    return template.format(url=base_url, product=product_id, environment=line)


def name_file(kind: str, members: Mapping[str, Any]) -> str:
    """Gives the file that the lines belong into; no text if that is not known."""
    if kind == GITHUB:
        return f".github/workflows/{members['workflow']}"
    return str(members["configPath"]) if kind == GITLAB else ""
