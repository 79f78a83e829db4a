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


class IdConverter(BaseConverter):
    """Something with the shape of an id, so that other addresses of the API are not taken for those of files."""

    regex = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"


class RestConverter(BaseConverter):
    """All that follows, whatever it holds: what is no name of a file is told so, and is no other address either."""

    part_isolating = False
    regex = r"(?s:.*)"
    # Asked last: an address that goes on with another id is that one.
    weight = 200


def init_app(app: Flask) -> None:
    """Takes the application; makes the converters known to its routes."""
    app.url_map.converters.update(
        slug=SlugConverter, tenant_slug=TenantSlugConverter, id=IdConverter, rest=RestConverter
    )
