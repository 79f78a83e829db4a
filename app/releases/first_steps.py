"""What a new organisation does first, and what of it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for
from flask_login import current_user

from app.language import gettext as _
from app.products.models import Product
from app.webhooks import queries as webhooks


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what to do, why, where, and whether it is done."""

    title: str
    text: str
    label: str
    url: str
    is_done: bool = False
    is_needed: bool = True


def build_steps(products: Sequence[Product]) -> list[Step]:
    """Takes the products of the current user's tenant; gives the steps that this user may take."""
    actor = current_user.actor
    needed, further = _list_needed(products), _list_further()
    return [step for scope, step in (*needed.items(), *further.items()) if actor.has_scope(scope)]


def _list_needed(products: Sequence[Product]) -> dict[str, Step]:
    """Gives what comes before the first release is there, by the scope that it needs."""
    return {
        "product:write": Step(
            _("Begin with a product"),
            _("Releases belong to a product, and each product has a page for your customers."),
            _("Create a product"),
            url_for("products.new_product"),
            is_done=bool(products),
        ),
        "release:write": Step(
            _("Write the first release"),
            _("You see the notes as customers will read them. It stays a draft until you publish it."),
            _("New release"),
            url_for("releases.new_release"),
        ),
    }


def _list_further() -> dict[str, Step]:
    """Gives what can be done at any time, by the scope that it needs."""
    has_webhook = bool(webhooks.list_webhooks(current_user.tenant_id, 1))
    return {
        "personalAccessToken:write": Step(
            _("Let CI send releases"),
            _("With an access token, CI makes the same release by one request."),
            _("Access tokens"),
            url_for("tokens.list_tokens"),
            is_needed=False,
        ),
        "webhook:write": Step(
            _("Have others told"),
            _("A webhook sends a signed request to an address of yours at each event."),
            _("New webhook"),
            url_for("webhooks.new_webhook"),
            is_done=has_webhook,
            is_needed=False,
        ),
        "user:write": Step(
            _("Invite your team"),
            _("Owners, admins, editors and viewers: each may do what the role allows."),
            _("Members"),
            url_for("members.list_members"),
            is_needed=False,
        ),
    }
