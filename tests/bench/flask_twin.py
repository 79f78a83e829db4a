"""A create as textbooks of Flask have it: Flask-SQLAlchemy's session and models, and a job of RQ for each delivery."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from joserfc.errors import JoseError
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests.bench import twins

db = SQLAlchemy()
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 8}
db.init_app(app)
key = twins.load_key()
queue = twins.connect_queue()


@app.post("/v3/releases")
def create_release() -> tuple[Response, int]:
    """Creates a release."""
    token = _authenticate()
    if token is None:
        return jsonify(message="The token is not valid."), 401
    if twins.SCOPE not in token.scopes:
        return jsonify(message="The token may not do this."), 403
    try:
        sent = twins.ReleaseIn.model_validate(request.get_json())
    except ValidationError as error:
        return jsonify(errors=error.errors(include_url=False)), 400
    product = db.session.get(twins.Product, sent.productId)
    if product is None or product.tenant_id != token.tenant_id:
        return jsonify(message="There is no such product."), 400
    webhooks = list(db.session.scalars(twins.select_webhooks(token.tenant_id)))
    release, rows, owed = twins.build_rows(token, sent, webhooks)
    answer, owed_ids = twins.describe(release), [delivery.id for delivery in owed]
    db.session.add_all(rows)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        return jsonify(message="This release exists."), 409
    for delivery_id in owed_ids:
        queue.enqueue(twins.deliver, delivery_id)
    return jsonify(answer), 201


def _authenticate() -> twins.Token | None:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    try:
        token_id = twins.read_token_id(key, sent)
    except (JoseError, ValueError):
        return None
    known = select(twins.Token).where(twins.Token.id == token_id, twins.Token.is_revoked.is_(False))
    return db.session.scalar(known) if scheme == "Bearer" else None
