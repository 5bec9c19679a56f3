from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # Calls are written meanwhile.
    atomic = False

    dependencies = [
        ("usage", "0006_events_by_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="usageevent",
            name="saved_nano",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        AddIndexConcurrently(
            model_name="usageevent",
            index=models.Index(
                condition=Q(saved_nano__isnull=False),
                fields=["organisation", "-occurred_at"],
                name="usage_event_saved",
            ),
        ),
    ]
