from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0005_overage")]

    operations = [
        migrations.AddConstraint(
            model_name="planversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("published_at", None)),
                fields=("plan",),
                name="plans_planversion_one_draft",
            ),
        ),
    ]
