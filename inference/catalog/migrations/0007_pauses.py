import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

import core.clock


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("catalog", "0006_cards_figures_and_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeploymentPause",
            fields=[
                (
                    "deployment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="pause",
                        serialize=False,
                        to="catalog.deployment",
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("paused_at", models.DateTimeField(default=core.clock.now)),
                (
                    "paused_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(reason=""), name="catalog_pause_has_reason"
                    )
                ],
            },
        ),
    ]
