"""What all pages share: template filters, and the front page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Flask, redirect, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.language import format_number, ngettext
from app.language import gettext as _
from app.languages import spell_time
from app.times import format_time

blueprint = Blueprint("pages", __name__)


def init_app(app: Flask) -> None:
    """Takes the application; adds filters and the front page."""
    app.add_template_filter(format_datetime, "datetime")
    app.add_template_filter(format_age, "ago")
    app.add_template_filter(format_number, "number")
    app.register_blueprint(blueprint)


@blueprint.get("/")
def show_front() -> Response:
    """Leads to where one wants to be: the releases, or the door."""
    return redirect(url_for("releases.list_releases" if current_user.is_authenticated else "accounts.sign_in"))


def format_datetime(moment: datetime, *, seconds: bool = False) -> Markup:
    """Gives a time element: exact for machines, short for people (to the second if asked), in UTC for both."""
    exact, spelled = format_time(moment), spell_time(moment, seconds=seconds)
    if seconds:
        return Markup('<time datetime="{}" data-seconds>{}</time>').format(exact, spelled)
    return Markup('<time datetime="{}">{}</time>').format(exact, spelled)


def format_age(moment: datetime) -> Markup:
    """Gives a time element that says how long ago it was, and in its title when."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    exact = spell_time(moment, seconds=True)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(format_time(moment), exact, _spell_age(seconds))


def _spell_age(seconds: int) -> str:
    if days := seconds // 86400:
        return ngettext("{count} day ago", "{count} days ago", days)
    if hours := seconds // 3600:
        return ngettext("{count} hour ago", "{count} hours ago", hours)
    if minutes := seconds // 60:
        return ngettext("{count} minute ago", "{count} minutes ago", minutes)
    return _("just now")
