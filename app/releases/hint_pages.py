"""What the pages show of hints: HTML by the id of the element that it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import get_template_attribute, url_for
from flask_login import current_user
from markupsafe import Markup

from app.answers import build_url
from app.releases.hints import Hints, build_hints

_TEMPLATE = "releases/form/hints.html"
# Which macro says what stands where.
_PLACES = {
    "state-version": "version_state",
    "take-version": "version_suggestions",
    "state-channel": "channel_state",
    "take-channel": "channel_suggestions",
    "state-platforms": "platforms_state",
    "take-platforms": "platform_suggestions",
    "state-oldDate": "time_state",
    "effect-private": "private_effect",
}


def describe_hints(values: Mapping[str, Any], release_id: str | None = None) -> dict[str, Markup]:
    """Takes the values of the form, and the release that it changes; gives what is known of them.

    Somebody is signed in.
    """
    hints = build_hints(current_user.tenant_id, values, release_id)
    address = find_customer_address(hints.product_slug)
    return {place: _render(name, hints, address, release_id) for place, name in _PLACES.items()}


def find_customer_address(product_slug: str) -> str:
    """Gives where customers read of a product, as they know it; nothing while there is no product."""
    if not product_slug:
        return ""
    return build_url(url_for("customer.show_product", tenant=current_user.tenant_slug, product=product_slug))


def _render(name: str, hints: Hints, address: str, release_id: str | None) -> Markup:
    target = url_for("release_hints.take_hint_for_draft", release_id=release_id) if release_id else None
    macro = get_template_attribute(_TEMPLATE, name)
    return Markup(str(macro(hints, address, target or url_for("release_hints.take_hint"))).strip())  # noqa: S704 - escaped there
