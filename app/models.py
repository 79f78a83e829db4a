"""All models in one import, for migrations: Alembic sees the tables that were imported."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.files import models as files
from app.idempotency import models as idempotency
from app.mail import models as mail
from app.products import models as products
from app.releases import models as releases
from app.replays import models as replays
from app.webhooks import models as webhooks

__all__ = ["accounts", "audit", "files", "idempotency", "mail", "products", "releases", "replays", "webhooks"]
