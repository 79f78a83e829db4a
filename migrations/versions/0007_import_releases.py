"""Import releases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    op.create_table('imports',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('product_id', sa.Uuid(as_uuid=False), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=256), nullable=False),
    sa.Column('file_name', sa.String(length=256), nullable=False),
    sa.Column('format', sa.String(length=16), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('warnings', sa.JSON(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('fingerprint', sa.LargeBinary(length=32), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('run_by', sa.Uuid(as_uuid=False), nullable=True),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('started_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('finished_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'product_id'], ['products.tenant_id', 'products.id'], name=op.f('fk_imports_tenant_id_product_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_imports_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imports')),
    sa.UniqueConstraint('tenant_id', 'id', name=op.f('uq_imports_tenant_id_id'))
    )
    with op.batch_alter_table('imports', schema=None) as batch_op:
        batch_op.create_index('ix_imports_listing', ['tenant_id', 'created_at', 'id'], unique=False)
        batch_op.create_index('ix_imports_product_id', ['tenant_id', 'product_id'], unique=False)
        batch_op.create_index('ix_imports_running', ['started_at'], unique=False, postgresql_where=sa.text("state = 'running'"), sqlite_where=sa.text("state = 'running'"))
        batch_op.create_index('ix_imports_updated_at', ['state', 'updated_at'], unique=False)

    op.create_table('import_rows',
    sa.Column('import_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('is_open', sa.Boolean(), nullable=False),
    sa.Column('version', sa.String(length=256), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('channel', sa.String(length=256), nullable=False),
    sa.Column('platforms', sa.JSON(), nullable=False),
    sa.Column('private', sa.Boolean(), nullable=False),
    sa.Column('publishes', sa.Boolean(), nullable=False),
    sa.Column('product_id', sa.Uuid(as_uuid=False), nullable=True),
    sa.Column('released_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('is_day', sa.Boolean(), nullable=False),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('errors', sa.JSON(), nullable=False),
    sa.Column('warnings', sa.JSON(), nullable=False),
    sa.Column('has_warnings', sa.Boolean(), nullable=False),
    sa.Column('release_id', sa.Uuid(as_uuid=False), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'import_id'], ['imports.tenant_id', 'imports.id'], name=op.f('fk_import_rows_tenant_id_import_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('import_id', 'number', name=op.f('pk_import_rows'))
    )
    with op.batch_alter_table('import_rows', schema=None) as batch_op:
        batch_op.create_index('ix_import_rows_open', ['import_id', 'is_open', 'position'], unique=False)


def downgrade() -> None:
    """Takes the database back to the revision before."""
    with op.batch_alter_table('import_rows', schema=None) as batch_op:
        batch_op.drop_index('ix_import_rows_open')

    op.drop_table('import_rows')
    with op.batch_alter_table('imports', schema=None) as batch_op:
        batch_op.drop_index('ix_imports_updated_at')
        batch_op.drop_index('ix_imports_running', postgresql_where=sa.text("state = 'running'"), sqlite_where=sa.text("state = 'running'"))
        batch_op.drop_index('ix_imports_product_id')
        batch_op.drop_index('ix_imports_listing')

    op.drop_table('imports')
