"""Make webhooks trustworthy: health, pauses, replays, former secrets, tests; mail that is owed; files of releases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.database

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Brings the database to this revision."""
    # Defaults stay in the database: processes of the version before go on writing while the new ones start.
    op.create_table('mails',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('recipient', sa.String(length=254), nullable=False),
    sa.Column('subject', sa.String(length=256), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('attempt_count', sa.Integer(), nullable=False),
    sa.Column('next_attempt_at', app.database.UtcDateTime(), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('sent_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenants.id'], name=op.f('fk_mails_tenant_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mails'))
    )
    with op.batch_alter_table('mails', schema=None) as batch_op:
        batch_op.create_index('ix_mails_due', ['next_attempt_at'], unique=False, postgresql_where=sa.text("state = 'pending'"), sqlite_where=sa.text("state = 'pending'"))

    op.create_table('replays',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('webhook_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('since_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('until_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('event_types', sa.JSON(), nullable=True),
    sa.Column('includes_missed', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('queued_count', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('finished_at', app.database.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id', 'webhook_id'], ['webhooks.tenant_id', 'webhooks.id'], name=op.f('fk_replays_tenant_id_webhook_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_replays'))
    )
    with op.batch_alter_table('replays', schema=None) as batch_op:
        batch_op.create_index('ix_replays_running', ['created_at'], unique=False, postgresql_where=sa.text("state = 'running'"), sqlite_where=sa.text("state = 'running'"))
        batch_op.create_index('ix_replays_webhook_id', ['tenant_id', 'webhook_id', 'created_at'], unique=False)

    op.create_table('webhook_former_secrets',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('webhook_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('expires_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'webhook_id'], ['webhooks.tenant_id', 'webhooks.id'], name=op.f('fk_webhook_former_secrets_tenant_id_webhook_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_former_secrets'))
    )
    with op.batch_alter_table('webhook_former_secrets', schema=None) as batch_op:
        batch_op.create_index('ix_webhook_former_secrets_webhook_id', ['webhook_id', 'expires_at'], unique=False)

    op.create_table('release_files',
    sa.Column('id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('tenant_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('release_id', sa.Uuid(as_uuid=False), nullable=False),
    sa.Column('name', sa.String(length=256), nullable=False),
    sa.Column('name_key', sa.String(length=256), nullable=False),
    sa.Column('url', sa.String(length=2048), nullable=False),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('downloads', sa.Integer(), nullable=False),
    sa.Column('checksum', sa.String(length=128), nullable=False),
    sa.Column('secured', sa.Boolean(), nullable=False),
    sa.Column('created_at', app.database.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.database.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id', 'release_id'], ['releases.tenant_id', 'releases.id'], name=op.f('fk_release_files_tenant_id_release_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_release_files')),
    sa.UniqueConstraint('release_id', 'name_key', name=op.f('uq_release_files_release_id_name_key'))
    )
    with op.batch_alter_table('release_files', schema=None) as batch_op:
        batch_op.create_index('ix_release_files_listing', ['tenant_id', 'created_at', 'id'], unique=False)

    with op.batch_alter_table('attempts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('webhook_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column('is_test', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('request_headers', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('retry_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('url', sa.String(length=2048), nullable=True))
        batch_op.create_index('ix_attempts_listing', ['tenant_id', 'started_at'], unique=False)
        batch_op.create_index('ix_attempts_started', ['webhook_id', 'started_at'], unique=False, postgresql_where=sa.text("outcome = 'started'"), sqlite_where=sa.text("outcome = 'started'"))
        batch_op.create_index('ix_attempts_webhook_id', ['tenant_id', 'webhook_id', 'started_at'], unique=False)

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('priority', sa.SmallInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('attempts_before', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('is_test', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('leased_until', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('held_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('replay_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.create_index('ix_deliveries_dead', ['tenant_id', 'created_at'], unique=False, postgresql_where=sa.text("state = 'dead'"), sqlite_where=sa.text("state = 'dead'"))
        batch_op.create_index('ix_deliveries_held', ['tenant_id', 'webhook_id', 'held_at'], unique=False, postgresql_where=sa.text("state = 'held'"), sqlite_where=sa.text("state = 'held'"))
        batch_op.create_index('ix_deliveries_listing', ['tenant_id', 'created_at'], unique=False)
        batch_op.create_index('ix_deliveries_queue', ['priority', 'webhook_id', 'next_attempt_at'], unique=False, postgresql_where=sa.text("state = 'pending'"), sqlite_where=sa.text("state = 'pending'"))
        batch_op.create_index('ix_deliveries_replay_id', ['tenant_id', 'replay_id'], unique=False, postgresql_where=sa.text('replay_id IS NOT NULL'), sqlite_where=sa.text('replay_id IS NOT NULL'))

    # A claim changes no column of an index. Where a page has room left, PostgreSQL writes the row there and no index.
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE deliveries SET (fillfactor = 50)')

    with op.batch_alter_table('idempotency_keys', schema=None) as batch_op:
        batch_op.alter_column('release_id', existing_type=sa.Uuid(as_uuid=False), nullable=True)
        batch_op.add_column(sa.Column('webhook_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.add_column(sa.Column('made_id', sa.Uuid(as_uuid=False), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_idempotency_keys_tenant_id_webhook_id'), 'webhooks', ['tenant_id', 'webhook_id'], ['tenant_id', 'id'], ondelete='CASCADE')
        batch_op.create_index('ix_idempotency_keys_webhook_id', ['webhook_id'], unique=False)

    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_triggered_at', ['tenant_id', 'triggered_at'], unique=False)

    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('headers', sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column('max_concurrency', sa.Integer(), nullable=False, server_default='8'))
        batch_op.add_column(sa.Column('rate_per_second', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('paused_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('disabled_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('disabled_reason', sa.Text(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('dismissed_at', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('failing_since', app.database.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('failure_count', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('warned_at', app.database.UtcDateTime(), nullable=True))

    op.execute(
        'UPDATE attempts SET webhook_id ='
        ' (SELECT deliveries.webhook_id FROM deliveries WHERE deliveries.id = attempts.delivery_id)'
    )
    op.execute("UPDATE deliveries SET priority = 1 WHERE attempt_count > 0")
    op.execute("UPDATE deliveries SET held_at = updated_at WHERE state = 'held'")
    # ### end Alembic commands ###


def downgrade() -> None:
    """Takes the database back to the revision before."""
    # ### commands auto generated by Alembic - please adjust! ###
    with op.batch_alter_table('webhooks', schema=None) as batch_op:
        batch_op.drop_column('warned_at')
        batch_op.drop_column('failure_count')
        batch_op.drop_column('failing_since')
        batch_op.drop_column('dismissed_at')
        batch_op.drop_column('disabled_reason')
        batch_op.drop_column('disabled_at')
        batch_op.drop_column('paused_at')
        batch_op.drop_column('rate_per_second')
        batch_op.drop_column('max_concurrency')
        batch_op.drop_column('headers')

    op.execute('DELETE FROM idempotency_keys WHERE release_id IS NULL')
    with op.batch_alter_table('idempotency_keys', schema=None) as batch_op:
        batch_op.drop_index('ix_idempotency_keys_webhook_id')
        batch_op.drop_constraint(batch_op.f('fk_idempotency_keys_tenant_id_webhook_id'), type_='foreignkey')
        batch_op.drop_column('made_id')
        batch_op.drop_column('webhook_id')
        batch_op.alter_column('release_id', existing_type=sa.Uuid(as_uuid=False), nullable=False)

    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_triggered_at')

    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE deliveries RESET (fillfactor)')

    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.drop_index('ix_deliveries_replay_id', postgresql_where=sa.text('replay_id IS NOT NULL'), sqlite_where=sa.text('replay_id IS NOT NULL'))
        batch_op.drop_index('ix_deliveries_queue', postgresql_where=sa.text("state = 'pending'"), sqlite_where=sa.text("state = 'pending'"))
        batch_op.drop_index('ix_deliveries_listing')
        batch_op.drop_index('ix_deliveries_held', postgresql_where=sa.text("state = 'held'"), sqlite_where=sa.text("state = 'held'"))
        batch_op.drop_index('ix_deliveries_dead', postgresql_where=sa.text("state = 'dead'"), sqlite_where=sa.text("state = 'dead'"))
        batch_op.drop_column('replay_id')
        batch_op.drop_column('held_at')
        batch_op.drop_column('leased_until')
        batch_op.drop_column('is_test')
        batch_op.drop_column('attempts_before')
        batch_op.drop_column('priority')

    with op.batch_alter_table('attempts', schema=None) as batch_op:
        batch_op.drop_index('ix_attempts_webhook_id')
        batch_op.drop_index('ix_attempts_started', postgresql_where=sa.text("outcome = 'started'"), sqlite_where=sa.text("outcome = 'started'"))
        batch_op.drop_index('ix_attempts_listing')
        batch_op.drop_column('url')
        batch_op.drop_column('retry_at')
        batch_op.drop_column('request_headers')
        batch_op.drop_column('is_test')
        batch_op.drop_column('webhook_id')

    with op.batch_alter_table('release_files', schema=None) as batch_op:
        batch_op.drop_index('ix_release_files_listing')

    op.drop_table('release_files')
    with op.batch_alter_table('webhook_former_secrets', schema=None) as batch_op:
        batch_op.drop_index('ix_webhook_former_secrets_webhook_id')

    op.drop_table('webhook_former_secrets')
    with op.batch_alter_table('replays', schema=None) as batch_op:
        batch_op.drop_index('ix_replays_webhook_id')
        batch_op.drop_index('ix_replays_running', postgresql_where=sa.text("state = 'running'"), sqlite_where=sa.text("state = 'running'"))

    op.drop_table('replays')
    with op.batch_alter_table('mails', schema=None) as batch_op:
        batch_op.drop_index('ix_mails_due', postgresql_where=sa.text("state = 'pending'"), sqlite_where=sa.text("state = 'pending'"))

    op.drop_table('mails')
    # ### end Alembic commands ###
