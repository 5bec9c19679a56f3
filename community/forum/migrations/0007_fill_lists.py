from django.db import migrations

# Links say what their topics say, and tags count whom they show.
CARRY = """
UPDATE forum_topictag AS link
SET created_at = topic.created_at, vote_score = topic.vote_score,
    hot_score = topic.hot_score,
    is_open = topic.kind = 'question' AND topic.solution_id IS NULL
FROM forum_topic AS topic WHERE topic.id = link.topic_id
"""
COUNT = """
UPDATE forum_tag AS tag
SET members_count = counted.members, public_count = counted.everybody
FROM (
    SELECT link.tag_id,
        count(*) FILTER (WHERE category.visibility <> 'staff') AS members,
        count(*) FILTER (WHERE category.visibility = 'public') AS everybody
    FROM forum_topictag AS link
    JOIN forum_topic AS topic ON topic.id = link.topic_id
    JOIN forum_category AS category ON category.id = topic.category_id
    WHERE topic.hidden_at IS NULL
    GROUP BY link.tag_id
) AS counted
WHERE counted.tag_id = tag.id
"""


class Migration(migrations.Migration):
    dependencies = [("forum", "0006_lists")]

    operations = [
        migrations.RunSQL(CARRY, migrations.RunSQL.noop),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
    ]
