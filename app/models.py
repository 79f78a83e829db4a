"""All models in one import, for migrations: Alembic sees the tables that were imported."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.drafts import models as drafts
from app.files import models as files
from app.idempotency import models as idempotency
from app.mail import models as mail
from app.members import models as members
from app.note_templates import models as note_templates
from app.oidc import models as oidc
from app.products import models as products
from app.releases import models as releases
from app.replays import models as replays
from app.webhooks import models as webhooks

__all__ = [
    "accounts",
    "audit",
    "drafts",
    "files",
    "idempotency",
    "mail",
    "members",
    "note_templates",
    "oidc",
    "products",
    "releases",
    "replays",
    "webhooks",
]
