from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0005_limits_that_only_tell"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="cache_seconds",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=Q(cache_seconds=None)
                | Q(cache_seconds__gte=1, cache_seconds__lte=604_800),
                name="keys_apikey_cache",
            ),
        ),
    ]
