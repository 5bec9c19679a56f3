"""Name the post each message of the forum is about, as far as its address tells."""

from django.db import migrations

KEYS = r"^(topic|mention|accepted):\d+"
ADDRESS = r"^/forum/t/(\d{1,18})(?:-[^/]*)?/\?n=(\d{1,9})#"


class Migration(migrations.Migration):
    dependencies = [
        ("forum", "0002_pinned_index"),
        ("notifications", "0003_about"),
    ]

    operations = [
        migrations.RunSQL(
            f"""
            UPDATE notifications_notification AS told
               SET about_kind = 'post', about_id = post.id
              FROM forum_post AS post
             WHERE told.dedupe_key ~ '{KEYS}' AND told.url ~ '{ADDRESS}'
               AND post.topic_id = substring(told.url from '{ADDRESS}')::bigint
               AND post.number = substring(told.url from '#post-(\\d+)')::bigint
            """,  # noqa: S608 - constants
            migrations.RunSQL.noop,
        )
    ]
