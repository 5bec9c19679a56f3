"""Who was here before levels were begins at the one their reading gives."""

from django.db import migrations

FILL = """
INSERT INTO standing_trust (user_id, level, since, is_locked)
SELECT person.id,
       CASE WHEN person.date_joined < now() - interval '15 days'
             AND read.topics >= 20 AND read.posts >= 100 AND (
              SELECT count(DISTINCT post.topic_id) FROM forum_post AS post
               WHERE post.author_id = person.id AND post.number > 1
                 AND post.hidden_at IS NULL) >= 3 THEN 2
            ELSE 1 END,
       now(), false
  FROM accounts_user AS person
  JOIN (SELECT user_id, sum(topics) AS topics, sum(posts) AS posts
          FROM forum_readingday GROUP BY user_id) AS read ON read.user_id = person.id
 WHERE person.date_joined < now() - interval '1 day'
   AND read.topics >= 5 AND read.posts >= 30
ON CONFLICT (user_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trust", "0001_initial"),
        ("forum", "0015_fill_reading_days"),
        ("standing", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
