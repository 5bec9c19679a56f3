from django.db import migrations

from jobs.carrying import Former

FORMER = Former(
    table="outbox_delivery",
    kind="fact",
    key="old.event_id",
    part="old.subscriber",
    created="(SELECT published_at FROM outbox_event WHERE id = old.event_id)",
    ended="done_at",
    waiting=("pending",),
    # Publishers write the event first: in their order nobody waits in a circle.
    lock=("outbox_event",),
    # Events are pruned, and the rows of an unknown table would keep them.
    before="""
DO $$
DECLARE name text;
BEGIN
  FOR name IN SELECT conname FROM pg_constraint
    WHERE conrelid = 'outbox_delivery'::regclass AND contype = 'f'
  LOOP
    EXECUTE format('ALTER TABLE outbox_delivery DROP CONSTRAINT %I', name);
  END LOOP;
END $$
""",
    back="""
DELETE FROM outbox_delivery AS old
 WHERE NOT EXISTS (SELECT FROM outbox_event WHERE id = old.event_id);
INSERT INTO outbox_delivery (event_id, subscriber)
SELECT subject::bigint, part FROM jobs_job
 WHERE kind = 'fact' AND subject::bigint IN (SELECT id FROM outbox_event)
 ORDER BY id ON CONFLICT DO NOTHING;
ALTER TABLE outbox_delivery ADD CONSTRAINT outbox_delivery_event_id_fk
  FOREIGN KEY (event_id) REFERENCES outbox_event (id) DEFERRABLE INITIALLY DEFERRED;
""",
)


class Migration(migrations.Migration):
    """Deliveries become jobs. Their table stays while the release before may write it.

    What everybody has heard is not carried over: only what waits or was given up.
    """

    atomic = False
    dependencies = [("outbox", "0003_writtenbatch"), ("jobs", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunPython(FORMER.carry_over, FORMER.bring_back)
            ],
            state_operations=[migrations.DeleteModel(name="Delivery")],
        )
    ]
