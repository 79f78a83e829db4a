"""Store the files of releases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    op.create_table('blobs',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('reserved_until', app.database.UtcDateTime(), nullable=True),
    sa.Column('doomed_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_blobs_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_blobs'))
    )
    with op.batch_alter_table('blobs', schema=None) as batch_op:
        batch_op.create_index('ix_blobs_doomed_at', ['doomed_at'], unique=False, postgresql_where=sa.text('doomed_at IS NOT NULL'), sqlite_where=sa.text('doomed_at IS NOT NULL'))
        batch_op.create_index('ix_blobs_tenant_id', ['tenant_id', 'reserved_until'], unique=False)

    # Processes of the version before know nothing of these, and write rows without them.
    with op.batch_alter_table('release_files', schema=None) as batch_op:
        batch_op.add_column(sa.Column('blob_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column('sha256', sa.String(length=64), nullable=True))
        batch_op.create_index('ix_release_files_blob_id', ['blob_id'], unique=False, postgresql_where=sa.text('blob_id IS NOT NULL'), sqlite_where=sa.text('blob_id IS NOT NULL'))


def downgrade() -> None:
    """Takes the database back to the revision before."""
    # SQLite would make this table anew otherwise.
    with op.batch_alter_table('release_files', schema=None, recreate='never') as batch_op:
        batch_op.drop_index('ix_release_files_blob_id', postgresql_where=sa.text('blob_id IS NOT NULL'), sqlite_where=sa.text('blob_id IS NOT NULL'))
        batch_op.drop_column('sha256')
        batch_op.drop_column('blob_id')

    with op.batch_alter_table('blobs', schema=None) as batch_op:
        batch_op.drop_index('ix_blobs_tenant_id')
        batch_op.drop_index('ix_blobs_doomed_at', postgresql_where=sa.text('doomed_at IS NOT NULL'), sqlite_where=sa.text('doomed_at IS NOT NULL'))

    op.drop_table('blobs')
