from django.db import migrations

# Every event says which transaction wrote it, so that the log can be followed in an
# order in which nothing comes late. The value for rows that are there is kept beside
# the table: none of them is written again.
FORWARDS = """
ALTER TABLE activity_event
    ADD COLUMN recorded_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX activity_event_recorded ON activity_event (recorded_in, id);
"""
BACKWARDS = """
DROP INDEX activity_event_recorded;
ALTER TABLE activity_event DROP COLUMN recorded_in;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [("activity", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
