"""What was used before there was credit is covered; what comes next waits for it."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_second_factor_from_the_upgrade"),
        ("ledger", "0002_taking_back"),
    ]

    operations = [
        # The default of a new column is that of the rows which are there, unwritten.
        migrations.AddField(
            model_name="usagecost",
            name="is_covered",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AlterField(
            model_name="usagecost",
            name="is_covered",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="usagecost",
            index=models.Index(
                condition=Q(("is_covered", False)),
                fields=["organisation"],
                name="ledger_usagecost_waiting",
            ),
        ),
    ]
