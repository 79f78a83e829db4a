"""What may stand in the addresses of the customer pages; whatever else stands there is no address of Slipway."""

from __future__ import annotations

import re

from flask import Flask
from werkzeug.routing import BaseConverter

from app.slugs import PATTERN, RESERVED


class SlugConverter(BaseConverter):
    """The slug of a product."""

    regex = PATTERN


class TenantSlugConverter(BaseConverter):
    """The slug of a tenant: none of the words that Slipway's own addresses begin with.

    With them, every method on an unknown address of the API would meet a page that only knows GET.
    """

    regex = rf"(?!(?:{'|'.join(map(re.escape, sorted(RESERVED)))})\Z){PATTERN}"


def init_app(app: Flask) -> None:
    """Takes the application; makes the converters known to its routes."""
    app.url_map.converters.update(slug=SlugConverter, tenant_slug=TenantSlugConverter)
