from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index over decisions of campaigns, made while others write."""

    atomic = False
    dependencies = [("growth", "0002_campaigns")]

    operations = [
        AddIndexConcurrently(
            model_name="decision",
            index=models.Index(
                condition=models.Q(step__isnull=False),
                fields=["step", "organisation"],
                name="growth_decision_step",
            ),
        )
    ]
