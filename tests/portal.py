"""The portal's pages of webhooks as their owner sees them, and what is stored behind them."""

from __future__ import annotations

import html
import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Integer, select, update
from werkzeug.test import TestResponse

from app.database import transaction
from app.extensions import db
from app.webhooks.models import Webhook
from tests.factories import Factory, Organisation, find_csrf_token

URL = "http://127.0.0.1:9/hook"


class Site:
    """A browser in which the owner is signed in, and what to do with it."""

    def __init__(self, make: Factory, owner: Organisation) -> None:
        self.browser: FlaskClient = make.browser(owner)
        self.csrf_token = find_csrf_token(self.browser.get("/webhooks/new").text)

    def get(self, path: str, status: int = 200) -> str:
        """Gives a page as it reads."""
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Sends a form."""
        return self.browser.post(path, data={"csrf_token": self.csrf_token, **fields})

    def send(self, path: str, **fields: Any) -> TestResponse:
        """Sends the form of a webhook, whole: what is not named is as in an empty one."""
        empty = {"name": "CI", "url": URL, "events": ["release.created"], "scheme": "cryptlex", "token": ""}
        return self.post(path, **{**empty, "maxConcurrency": "8", "ratePerSecond": "", "active": "on", **fields})

    def create(self, **fields: Any) -> str:
        """Creates a webhook by the form; gives the path of its page."""
        answer = self.send("/webhooks", **fields)
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]


def get_webhook() -> Webhook:
    """Gives the one webhook that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Webhook)).one()


def list_all(column: Any) -> list[Any]:
    """Gives a column of all rows, as they are stored now, in the order in which they were written.

    Where a database puts a row is its own affair: by itself it gives them in any order.
    """
    db.session.rollback()
    columns = getattr(column, "class_", column).__table__.columns
    # Numbers count up; ids at random do not.
    is_counted = "id" in columns and isinstance(columns["id"].type, Integer)
    keys = [columns["id"]] if is_counted else [columns[name] for name in ("created_at", "id") if name in columns]
    return list(db.session.scalars(select(column).order_by(*keys)))


def change(webhook: Webhook, **values: Any) -> None:
    """Changes the row of a webhook, if there is anything to change."""
    with transaction() as session:
        if values:
            session.execute(update(Webhook).where(Webhook.id == webhook.id).values(**values))


def read_text(page: str) -> str:
    """Gives what stands between the tags, each run of blanks as one space."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def read_rows(page: str) -> list[str]:
    """Gives the text of each row of the list."""
    return [read_text(row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)[1:]]


def read_headers(page: str) -> list[tuple[str, str]]:
    """Gives the rows of headers in the form."""
    names, values = (re.findall(rf'name="{name}" value="([^"]*)"', page) for name in ("headerName", "headerValue"))
    return list(zip(names, values, strict=True))
