"""The frame of the settings: which pages there are, for whom, and where one begins."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, redirect, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import sign_in_required
from app.language import gettext as _

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@dataclass(frozen=True, slots=True)
class Entry:
    """A page of the settings."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together."""

    label: str
    entries: tuple[Entry, ...]


def init_app(app: Flask) -> None:
    """Takes the application; gives templates the groups, and adds the page that leads to the first one."""
    app.add_template_global(list_groups, "settings_groups")
    app.register_blueprint(blueprint)


@blueprint.get("")
@sign_in_required
def show_settings() -> Response:
    """Leads to the first page of the settings."""
    return redirect(url_for("account.show_account"))


def list_groups() -> list[Group]:
    """Gives the pages that the current user may open; none to a form that asks its sender to sign in again."""
    if not current_user.is_authenticated:
        return []
    actor = current_user.actor
    own = [
        (_("Account"), "account.show_account", True),
        (_("Security"), "account.show_security", True),
        (_("Sessions"), "account.list_sessions", True),
        (_("Access tokens"), "tokens.list_tokens", actor.has_scope("personalAccessToken:write")),
    ]
    organisation = [
        (_("General"), "organisation.show_organisation", actor.has_scope("account:read")),
        (_("Members"), "members.list_members", actor.has_scope("user:read")),
        (_("Audit log"), "audit.list_entries", actor.has_scope("account:read")),
    ]
    groups = [(_("You"), own), (current_user.tenant_name, organisation)]
    return [group for label, pages in groups if (group := Group(label, _list_entries(pages))).entries]


def _list_entries(pages: list[tuple[str, str, bool]]) -> tuple[Entry, ...]:
    return tuple(Entry(label, url_for(endpoint)) for label, endpoint, is_allowed in pages if is_allowed)
