from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("growth", "0005_offer_stops"),
    ]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="version",
            # The release before writes campaigns while this one is put in place.
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
    ]
