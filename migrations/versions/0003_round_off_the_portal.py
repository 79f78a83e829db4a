"""Round off the portal: members, second factors, drafts, templates of notes, planned publication, an undo of deletion."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    # Defaults stay in the database: processes of the version before go on writing while the new ones start.
    op.create_table('deleted_releases',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('deleted_by', sa.String(length=254), nullable=False),
    sa.Column('deleted_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_deleted_releases_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_deleted_releases'))
    )
    with op.batch_alter_table('deleted_releases', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_deleted_releases_deleted_at'), ['deleted_at'], unique=False)
        batch_op.create_index('ix_deleted_releases_listing', ['tenant_id', 'deleted_at', 'id'], unique=False)

    op.create_table('invitations',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=16), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('invited_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('expires_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('accepted_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('revoked_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_invitations_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invitations'))
    )
    with op.batch_alter_table('invitations', schema=None) as batch_op:
        batch_op.create_index('ix_invitations_listing', ['tenant_id', 'created_at', 'id'], unique=False)

    op.create_table('drafts',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('user_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('content', sa.JSON(), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('window', sa.String(length=64), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'user_id'], ['users.tenant_id', 'users.id'], name=op.f('fk_drafts_tenant_id_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_drafts')),
    sa.UniqueConstraint('tenant_id', 'user_id', 'subject', name=op.f('uq_drafts_tenant_id_user_id_subject'))
    )
    op.create_table('identities',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('user_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('issuer', sa.String(length=512), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('last_used_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'user_id'], ['users.tenant_id', 'users.id'], name=op.f('fk_identities_tenant_id_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_identities')),
    sa.UniqueConstraint('tenant_id', 'issuer', 'subject', name=op.f('uq_identities_tenant_id_issuer_subject'))
    )
    with op.batch_alter_table('identities', schema=None) as batch_op:
        batch_op.create_index('ix_identities_subject', ['issuer', 'subject'], unique=False)
        batch_op.create_index('ix_identities_user_id', ['tenant_id', 'user_id'], unique=False)

    op.create_table('note_templates',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('product_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('notes', sa.Text(), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'product_id'], ['products.tenant_id', 'products.id'], name=op.f('fk_note_templates_tenant_id_product_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_note_templates')),
    sa.UniqueConstraint('tenant_id', 'product_id', 'name', name=op.f('uq_note_templates_tenant_id_product_id_name'))
    )
    op.create_table('recovery_codes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('user_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('used_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'user_id'], ['users.tenant_id', 'users.id'], name=op.f('fk_recovery_codes_tenant_id_user_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recovery_codes'))
    )
    with op.batch_alter_table('recovery_codes', schema=None) as batch_op:
        batch_op.create_index('ix_recovery_codes_user_id', ['tenant_id', 'user_id'], unique=False)

    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entries_action', ['tenant_id', 'action', 'id'], unique=False)
        batch_op.create_index('ix_audit_entries_actor', ['tenant_id', 'actor_email', 'id'], unique=False)

    with op.batch_alter_table('releases', schema=None) as batch_op:
        batch_op.add_column(sa.Column('archive_reason', sa.String(length=1024), server_default='', nullable=False))
        batch_op.add_column(sa.Column('replacement_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column('publish_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('publish_by', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.create_index('ix_releases_due', ['publish_at'], unique=False, postgresql_where=sa.text('publish_at IS NOT NULL'), sqlite_where=sa.text('publish_at IS NOT NULL'))
        batch_op.create_index('ix_releases_product_order', ['tenant_id', 'product_id', 'version_key', 'id'], unique=False)
        batch_op.create_index('ix_releases_product_version', ['tenant_id', 'product_id', 'channel', 'version_key', 'id'], unique=False)
        batch_op.create_index('ix_releases_version', ['tenant_id', 'version_key', 'id'], unique=False)

    # For a default that is an expression Alembic would make this table anew on SQLite, and all that is stored refers to it.
    with op.batch_alter_table('tenants', schema=None, recreate='never') as batch_op:
        batch_op.add_column(sa.Column('description', sa.String(length=1024), server_default='', nullable=False))
        batch_op.add_column(sa.Column('requires_two_factor', sa.Boolean(), server_default=sa.false(), nullable=False))

    with op.batch_alter_table('user_sessions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('address', sa.String(length=64), server_default='', nullable=False))
        batch_op.add_column(sa.Column('user_agent', sa.String(length=256), server_default='', nullable=False))
        batch_op.add_column(sa.Column('method', sa.String(length=16), server_default='password', nullable=False))

    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('locale', sa.String(length=8), server_default='', nullable=False))
        batch_op.add_column(sa.Column('theme', sa.String(length=8), server_default='', nullable=False))
        batch_op.add_column(sa.Column('last_product_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column('totp_secret', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('totp_confirmed_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('totp_last_step', sa.BigInteger(), nullable=True))



def downgrade() -> None:
    """Takes the database back to the revision before."""
    # SQLite would make these tables anew, and drop the old ones while other rows refer to theirs.
    with op.batch_alter_table('users', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('totp_last_step')
        batch_op.drop_column('totp_confirmed_at')
        batch_op.drop_column('totp_secret')
        batch_op.drop_column('last_product_id')
        batch_op.drop_column('theme')
        batch_op.drop_column('locale')

    with op.batch_alter_table('user_sessions', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('method')
        batch_op.drop_column('user_agent')
        batch_op.drop_column('address')

    with op.batch_alter_table('tenants', schema=None, recreate='never') as batch_op:
        batch_op.drop_column('requires_two_factor')
        batch_op.drop_column('description')

    with op.batch_alter_table('releases', schema=None, recreate='never') as batch_op:
        batch_op.drop_index('ix_releases_version')
        batch_op.drop_index('ix_releases_product_version')
        batch_op.drop_index('ix_releases_product_order')
        batch_op.drop_index('ix_releases_due', postgresql_where=sa.text('publish_at IS NOT NULL'), sqlite_where=sa.text('publish_at IS NOT NULL'))
        batch_op.drop_column('publish_by')
        batch_op.drop_column('publish_at')
        batch_op.drop_column('replacement_id')
        batch_op.drop_column('archive_reason')

    with op.batch_alter_table('audit_entries', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entries_actor')
        batch_op.drop_index('ix_audit_entries_action')

    with op.batch_alter_table('recovery_codes', schema=None) as batch_op:
        batch_op.drop_index('ix_recovery_codes_user_id')

    op.drop_table('recovery_codes')
    op.drop_table('note_templates')
    with op.batch_alter_table('identities', schema=None) as batch_op:
        batch_op.drop_index('ix_identities_user_id')
        batch_op.drop_index('ix_identities_subject')

    op.drop_table('identities')
    op.drop_table('drafts')
    with op.batch_alter_table('invitations', schema=None) as batch_op:
        batch_op.drop_index('ix_invitations_listing')

    op.drop_table('invitations')
    with op.batch_alter_table('deleted_releases', schema=None) as batch_op:
        batch_op.drop_index('ix_deleted_releases_listing')
        batch_op.drop_index(batch_op.f('ix_deleted_releases_deleted_at'))

    op.drop_table('deleted_releases')
