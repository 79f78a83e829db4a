"""What all pages share: template filters, and the front page."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Flask, redirect, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.times import format_time

blueprint = Blueprint("pages", __name__)


def init_app(app: Flask) -> None:
    """Takes the application; adds filters and the front page."""
    app.add_template_filter(format_datetime, "datetime")
    app.add_template_filter(format_age, "ago")
    app.register_blueprint(blueprint)


@blueprint.get("/")
def show_front() -> Response:
    """Leads to where one wants to be: the releases, or the door."""
    return redirect(url_for("releases.list_releases" if current_user.is_authenticated else "accounts.sign_in"))


def format_datetime(moment: datetime, *, seconds: bool = False) -> Markup:
    """Gives a time element: exact for machines, short for people (to the second if asked), in UTC for both."""
    return Markup('<time datetime="{}">{}</time>').format(format_time(moment), _spell(moment, seconds=seconds))


def format_age(moment: datetime) -> Markup:
    """Gives a time element that says how long ago it was, and in its title when."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for length, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if count := seconds // length:
            shown = f"{count} {unit}{'s' if count > 1 else ''} ago"
            break
    else:
        shown = "just now"
    exact = _spell(moment, seconds=True)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(format_time(moment), exact, shown)


def _spell(moment: datetime, *, seconds: bool) -> str:
    moment = moment.astimezone(UTC)
    clock = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    return f"{moment.day} {moment:%b} {moment.year:04d}, {clock} UTC"
