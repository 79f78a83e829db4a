"""What is said of each operation, by its endpoint. A test fails if a route of the API is missing here. Pure."""

from __future__ import annotations

from typing import Final

from app.openapi.accounts import ACCOUNTS
from app.openapi.description import Operation
from app.openapi.files import FILES
from app.openapi.imports import IMPORTS
from app.openapi.products import PRODUCTS
from app.openapi.publishers import PUBLISHERS
from app.openapi.releases import RELEASES
from app.openapi.webhooks import WEBHOOKS

TAGS: Final[dict[str, str]] = {
    "Releases": "What you ship, and what is told of it.",
    "Files": "What is downloaded of a release.",
    "Products": "What releases are of, and who may have them.",
    "Channels and platforms": "The names that releases are found by.",
    "Imports": "Releases of the time before Slipway, out of a file.",
    "Webhooks": "Who is told when something happens to a release.",
    "Deliveries": "What each webhook was sent, and how it went.",
    "Access tokens": "What automation signs in with.",
    "Trusted publishing": "Jobs of CI that need no secret.",
    "Account": "Who you are, and what you may do.",
}

OPERATIONS: Final[dict[str, Operation]] = {
    **RELEASES,
    **FILES,
    **PRODUCTS,
    **IMPORTS,
    **WEBHOOKS,
    **ACCOUNTS,
    **PUBLISHERS,
}
