"""All real notes and all hostile ones, and releases that hold them: what every reader must see alike."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import insert

from app import times
from app.database import generate_id, transaction
from app.releases.models import Release
from app.releases.schema import NOTES_LIMIT
from app.releases.versions import build_version_key
from tests.corpora import load_corpus, load_real_releases
from tests.factories import Organisation

REAL = [release["notes"] for release in load_real_releases()]
VECTORS = [json.loads(row["md_json"]) for row in load_corpus("xss_markdown")["vectors"]]
# Every real release and every row of the corpus; of the notes that are too long, what a release can hold of them.
TEXTS = [text[:NOTES_LIMIT] for text in (*REAL, *VECTORS)]


def publish_all(owner: Organisation, product_id: str, texts: list[str]) -> list[str]:
    """Stores a published release for each text, the first one the newest; gives their ids."""
    moment = times.now()
    rows = [
        {
            "id": generate_id(),
            "tenant_id": owner.tenant_id,
            "product_id": product_id,
            "name": f"Rocket {number}",
            "version": f"1.{number}",
            "version_key": build_version_key(f"1.{number}"),
            "channel": "stable",
            "platforms": [],
            "private": False,
            "published": True,
            "notes": text,
            "created_at": moment - timedelta(minutes=number),
            "updated_at": moment,
        }
        for number, text in enumerate(texts)
    ]
    with transaction() as session:
        session.execute(insert(Release), rows)
    return [str(row["id"]) for row in rows]
