"""Complete the products: metadata, restricted ones, download keys, channels and platforms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    _restrict_products()
    _index_lists()
    _describe_products()
    _declare_channels_and_platforms()
    _mark_logins()


def downgrade() -> None:
    """Takes the database back to the revision before."""
    _forget_logins()
    _forget_channels_and_platforms()
    _strip_products()
    _forget_lists()
    _open_products()


def _restrict_products() -> None:
    # The default stays in the database: processes of the version before go on writing while the new ones start.
    # SQLite would make the table anew for it, and releases refer to this one.
    with op.batch_alter_table('products', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('is_restricted', sa.Boolean(), server_default=sa.false(), nullable=False))

    op.create_table('download_keys',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('product_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('ending', sa.String(length=8), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('last_used_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('revoked_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'product_id'], ['products.tenant_id', 'products.id'], name=op.f('fk_download_keys_tenant_id_product_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_download_keys')),
    sa.UniqueConstraint('tenant_id', 'product_id', 'key_hash', name=op.f('uq_download_keys_tenant_id_product_id_key_hash'))
    )
    with op.batch_alter_table('download_keys', schema=None) as batch_op:
        batch_op.create_index('ix_download_keys_listing', ['tenant_id', 'product_id', 'created_at', 'id'], unique=False)


def _open_products() -> None:
    with op.batch_alter_table('download_keys', schema=None) as batch_op:
        batch_op.drop_index('ix_download_keys_listing')

    op.drop_table('download_keys')
    with op.batch_alter_table('products', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('is_restricted')


def _describe_products() -> None:
    with op.batch_alter_table('products', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('metadata', sa.JSON(), server_default=sa.text("'[]'"), nullable=False))


def _strip_products() -> None:
    with op.batch_alter_table('products', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('metadata')


def _declare_channels_and_platforms() -> None:
    for table in ('release_channels', 'release_platforms'):
        op.create_table(table,
        sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
        sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
        sa.Column('name', sa.String(length=256), nullable=False),
        sa.Column('is_declared', sa.Boolean(), nullable=False),
        sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f(f'fk_{table}_tenant_id')),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{table}')),
        sa.UniqueConstraint('tenant_id', 'name', name=op.f(f'uq_{table}_tenant_id_name'))
        )


def _forget_channels_and_platforms() -> None:
    op.drop_table('release_platforms')
    op.drop_table('release_channels')


def _mark_logins() -> None:
    with op.batch_alter_table('access_tokens', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('is_login', sa.Boolean(), server_default=sa.false(), nullable=False))


def _forget_logins() -> None:
    # What was signed in by the API is not a token that somebody made: the version before would show it as one.
    op.execute('DELETE FROM access_tokens WHERE is_login')
    with op.batch_alter_table('access_tokens', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('is_login')


_FOR_CUSTOMERS = {
    'postgresql_where': sa.text('published AND NOT private AND NOT archived'),
    'sqlite_where': sa.text('published = 1 AND private = 0 AND archived = 0'),
}
# By time, of some releases alone.
_PARTS_OF_LISTS = {
    'ix_releases_drafts': {'postgresql_where': sa.text('NOT published'), 'sqlite_where': sa.text('published = 0')},
    'ix_releases_private': {'postgresql_where': sa.text('private'), 'sqlite_where': sa.text('private = 1')},
    'ix_releases_archived': {'postgresql_where': sa.text('archived'), 'sqlite_where': sa.text('archived = 1')},
    'ix_releases_published': {'postgresql_where': sa.text('published AND NOT archived'), 'sqlite_where': sa.text('published = 1 AND archived = 0')},
}


def _index_lists() -> None:
    with op.batch_alter_table('releases', schema=None, recreate='never') as batch_op:
        batch_op.create_index('ix_releases_name', ['tenant_id', 'name'], unique=False, postgresql_ops={'name': 'varchar_pattern_ops'})
        batch_op.create_index('ix_releases_newest', ['tenant_id', 'product_id', 'channel', 'version_key'], unique=False, **_FOR_CUSTOMERS)
        for name, conditions in _PARTS_OF_LISTS.items():
            batch_op.create_index(name, ['tenant_id', 'created_at', 'id'], unique=False, **conditions)


def _forget_lists() -> None:
    with op.batch_alter_table('releases', schema=None, recreate='never') as batch_op:
        for name in (*_PARTS_OF_LISTS, 'ix_releases_newest', 'ix_releases_name'):
            batch_op.drop_index(name)
