from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0009_standing_kinds"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="words",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
    ]
