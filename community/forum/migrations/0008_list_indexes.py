from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("forum", "0007_fill_lists")]

    operations = [
        migrations.AddIndex(
            model_name="post",
            index=models.Index(
                condition=models.Q(("hidden_at__isnull", False)),
                fields=["topic", "number"],
                name="forum_post_hidden",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.F("author"),
                models.OrderBy(models.F("bumped_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_mine",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.OrderBy(models.F("hot_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_hot",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("hot_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_category_hot",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("vote_score"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_category_top",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(("hidden_at", None)),
                name="forum_topic_category_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="topic",
            index=models.Index(
                models.F("category"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("id"), descending=True),
                condition=models.Q(
                    ("hidden_at", None), ("kind", "question"), ("solution", None)
                ),
                name="forum_topic_category_open",
            ),
        ),
        migrations.AddIndex(
            model_name="topictag",
            index=models.Index(
                models.F("tag"),
                models.OrderBy(models.F("hot_score"), descending=True),
                models.OrderBy(models.F("topic"), descending=True),
                name="forum_topictag_hot",
            ),
        ),
        migrations.AddIndex(
            model_name="topictag",
            index=models.Index(
                models.F("tag"),
                models.OrderBy(models.F("vote_score"), descending=True),
                models.OrderBy(models.F("topic"), descending=True),
                name="forum_topictag_top",
            ),
        ),
        migrations.AddIndex(
            model_name="topictag",
            index=models.Index(
                models.F("tag"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("topic"), descending=True),
                name="forum_topictag_newest",
            ),
        ),
        migrations.AddIndex(
            model_name="topictag",
            index=models.Index(
                models.F("tag"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.OrderBy(models.F("topic"), descending=True),
                condition=models.Q(("is_open", True)),
                name="forum_topictag_open",
            ),
        ),
    ]
