"""Trust publishers by their OpenID Connect tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    op.create_table('spent_identity_tokens',
    sa.Column('id', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', app.database.UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_spent_identity_tokens'))
    )
    with op.batch_alter_table('spent_identity_tokens', schema=None) as batch_op:
        batch_op.create_index('ix_spent_identity_tokens_expires_at', ['expires_at'], unique=False)

    op.create_table('trusted_publishers',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('product_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('issuer', sa.String(length=512), nullable=False),
    sa.Column('members', sa.JSON(), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('lookup', sa.LargeBinary(length=32), nullable=False),
    sa.Column('owner_id', sa.String(length=64), server_default='', nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('last_used_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'product_id'], ['products.tenant_id', 'products.id'], name=op.f('fk_trusted_publishers_tenant_id_product_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_trusted_publishers')),
    sa.UniqueConstraint('product_id', 'digest', name=op.f('uq_trusted_publishers_product_id_digest')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_trusted_publishers_tenant_id_id'))
    )
    with op.batch_alter_table('trusted_publishers', schema=None) as batch_op:
        batch_op.create_index('ix_trusted_publishers_listing', ['tenant_id', 'product_id', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_trusted_publishers_lookup', ['issuer', 'lookup'], unique=False)

    op.create_table('publisher_tokens',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('publisher_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('run', sa.JSON(), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('expires_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('revoked_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'publisher_id'], ['trusted_publishers.tenant_id', 'trusted_publishers.id'], name=op.f('fk_publisher_tokens_tenant_id_publisher_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_publisher_tokens'))
    )
    with op.batch_alter_table('publisher_tokens', schema=None) as batch_op:
        batch_op.create_index('ix_publisher_tokens_expires_at', ['expires_at'], unique=False)
        batch_op.create_index('ix_publisher_tokens_publisher_id', ['tenant_id', 'publisher_id'], unique=False)

    # Nothing refers to this table, so SQLite may make it anew.
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.alter_column('actor_kind', existing_type=sa.String(length=8), type_=sa.String(length=16), existing_nullable=False)


def downgrade() -> None:
    """Takes the database back to the revision before."""
    # The version before knows tokens, and no publishers.
    op.execute("UPDATE audit_entries SET actor_kind = 'token' WHERE actor_kind = 'publisher'")
    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.alter_column('actor_kind', existing_type=sa.String(length=16), type_=sa.String(length=8), existing_nullable=False)

    with op.batch_alter_table('publisher_tokens', schema=None) as batch_op:
        batch_op.drop_index('ix_publisher_tokens_publisher_id')
        batch_op.drop_index('ix_publisher_tokens_expires_at')

    op.drop_table('publisher_tokens')
    with op.batch_alter_table('trusted_publishers', schema=None) as batch_op:
        batch_op.drop_index('ix_trusted_publishers_lookup')
        batch_op.drop_index('ix_trusted_publishers_listing')

    op.drop_table('trusted_publishers')
    with op.batch_alter_table('spent_identity_tokens', schema=None) as batch_op:
        batch_op.drop_index('ix_spent_identity_tokens_expires_at')

    op.drop_table('spent_identity_tokens')
