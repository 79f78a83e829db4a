"""The Flask extensions, unbound: ``create_app`` binds them to an application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

# Constraints have names of their own on both databases, so that a migration can drop what another one made
# and a service can tell which rule an IntegrityError speaks of.
NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The declarative base of every model."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


db = SQLAlchemy(model_class=Base)
csrf = CSRFProtect()
login_manager = LoginManager()
# Columns are compared by type and default, so that ``flask db check`` sees every difference; batch mode lets
# SQLite, which cannot alter a column, run the same migrations as PostgreSQL.
migrate = Migrate(compare_type=True, render_as_batch=True)

# Flask-SQLAlchemy's ``db.Model`` is made at run time; for the type checker a model is a plain declarative class.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
