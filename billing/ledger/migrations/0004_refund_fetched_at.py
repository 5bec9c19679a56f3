from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_covered_usage")]

    operations = [
        migrations.AddField(
            model_name="refund",
            name="fetched_at",
            field=models.DateTimeField(blank=True, null=True),
        )
    ]
