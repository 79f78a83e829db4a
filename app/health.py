"""What load balancers and supervisors ask: ``/healthz`` (is the process there) and ``/readyz`` (can it work)."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.answers import answer_json
from app.exceptions import UnavailableError
from app.extensions import db

blueprint = Blueprint("health", __name__)


def init_app(app: Flask) -> None:
    """Takes the application and adds the two routes."""
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
def show_health() -> Response:
    """Answers as long as the process does; looks at nothing else."""
    return answer_json({"status": "ok"})


@blueprint.get("/readyz")
def show_readiness() -> Response:
    """Answers 200 if database and migrations are as they must be, else 503; says so of the queue, too.

    Without its queue Slipway still takes releases, and delivers later; without the storage of files it has all but
    these. That is worth an alarm, not a removal.
    """
    database, migration = _check_database()
    queue = "ok" if current_app.extensions["slipway"].doorbell.is_reachable() else "unreachable"
    is_ready = database == migration == "ok"
    checks = {"database": database, "migration": migration, "queue": queue, "storage": _check_storage()}
    return answer_json({"status": "ok" if is_ready else "unready", **checks}, 200 if is_ready else 503)


def _check_database() -> tuple[str, str]:
    try:
        found = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    except SQLAlchemyError:
        db.session.rollback()
        return _check_connection(), "unknown"
    expected = find_head(current_app.extensions["migrate"].directory)
    return "ok", "ok" if found == {expected} else "pending"


def _check_connection() -> str:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return "unreachable"
    return "ok"


def _check_storage() -> str:
    try:
        current_app.extensions["slipway"].storage.check()
    except UnavailableError:
        return "unreachable"
    return "ok"


@lru_cache(maxsize=4)
def find_head(directory: str) -> str:
    """Takes the migrations' folder; gives the newest revision in it."""
    config = Config()
    config.set_main_option("script_location", str(Path(directory)))
    return str(ScriptDirectory.from_config(config).get_current_head())
