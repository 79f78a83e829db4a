"""All models in one import, for migrations: Alembic sees the tables that were imported."""

from app.accounts import models as accounts
from app.audit import models as audit
from app.channels import models as channels
from app.download_keys import models as download_keys
from app.drafts import models as drafts
from app.files import models as files
from app.idempotency import models as idempotency
from app.imports import models as imports
from app.mail import models as mail
from app.members import models as members
from app.note_templates import models as note_templates
from app.oidc import models as oidc
from app.products import models as products
from app.publishers import models as publishers
from app.releases import models as releases
from app.replays import models as replays
from app.webhooks import models as webhooks

__all__ = [
    "accounts",
    "audit",
    "channels",
    "download_keys",
    "drafts",
    "files",
    "idempotency",
    "imports",
    "mail",
    "members",
    "note_templates",
    "oidc",
    "products",
    "publishers",
    "releases",
    "replays",
    "webhooks",
]
