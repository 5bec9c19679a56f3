from django.db import migrations, models


class Migration(migrations.Migration):
    """A token of a form keeps the digest of what came with it."""

    dependencies = [("forum", "0003_what_messages_are_about")]

    operations = [
        migrations.AddField(
            model_name="post",
            name="client_digest",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
    ]
