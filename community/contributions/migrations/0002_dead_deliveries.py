from django.db import migrations, models
from django.db.models import Q

import core.clock


class Migration(migrations.Migration):
    """Deliveries wait for their next try, and end dead instead of failed."""

    dependencies = [("contributions", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="due_at",
            field=models.DateTimeField(default=core.clock.now),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="state",
            field=models.CharField(
                choices=[
                    ("new", "New"),
                    ("done", "Done"),
                    ("ignored", "Ignored"),
                    ("dead", "Given up"),
                ],
                default="new",
                max_length=10,
            ),
        ),
        migrations.RunSQL(
            "UPDATE contributions_delivery SET state = 'dead' WHERE state = 'failed'",
            "UPDATE contributions_delivery SET state = 'failed' WHERE state = 'dead'",
        ),
        migrations.RemoveIndex(
            model_name="delivery", name="contributions_delivery_new"
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=Q(state="new"),
                fields=["due_at"],
                name="contributions_delivery_due",
            ),
        ),
    ]
