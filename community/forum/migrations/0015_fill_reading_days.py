"""What was read before days were counted is read on the day of the upgrade."""

from django.db import migrations

FILL = """
INSERT INTO forum_readingday (user_id, day, topics, posts)
SELECT reader.user_id, (now() AT TIME ZONE 'UTC')::date, count(*),
       sum(least(reader.last_read_number, 30))
  FROM forum_topicuser AS reader JOIN forum_topic AS topic ON topic.id = reader.topic_id
 WHERE reader.last_read_number > 0 AND topic.author_id <> reader.user_id
 GROUP BY reader.user_id
ON CONFLICT (user_id, day) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("forum", "0014_reading_days")]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
