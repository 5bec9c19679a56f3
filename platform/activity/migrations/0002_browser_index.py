from django.db import migrations

# What a browser did before somebody signed in with it: a way to a purchase is read from
# there, and so is what has to be erased.
FORWARDS = """
CREATE INDEX activity_event_visitor ON activity_event (visitor_id, occurred_at)
    WHERE visitor_id <> '';
"""
BACKWARDS = "DROP INDEX activity_event_visitor;"


class Migration(migrations.Migration):
    dependencies = [("activity", "0001_initial")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
