"""Periods of subscriptions, and how each row of the ledger was covered."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import core.clock


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_second_factor_from_the_upgrade"),
        ("credits", "0002_months_before"),
        ("ledger", "0003_covered_usage"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ChargeCap",
            fields=[
                (
                    "organisation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="accounts.organisation",
                    ),
                ),
                ("cap_nano", models.BigIntegerField()),
                ("set_at", models.DateTimeField(default=core.clock.now)),
                (
                    "set_by",
                    models.ForeignKey(
                        blank=True,
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
                        condition=models.Q(("cap_nano__gt", 0)),
                        name="credits_chargecap_above_nought",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CoveredUsage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "coverage",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="covered",
                        to="credits.coverage",
                    ),
                ),
                (
                    "usage",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="ledger.usagecost",
                    ),
                ),
                ("from_allowance_nano", models.BigIntegerField()),
                ("from_credit_nano", models.BigIntegerField()),
                ("charged_nano", models.BigIntegerField()),
                ("uncovered_nano", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("charged_nano", 0), _negated=True),
                        fields=["coverage"],
                        name="credits_covered_charged",
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="coveredusage",
            trigger=pgtrigger.compiler.Trigger(
                name="kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="27171e9d8a07567ede3ac52c270286874b30f2ab",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_kept_df617",
                    table="credits_coveredusage",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="coverage",
            name="starts_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="coverage",
            name="ends_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="coverage",
            name="charged_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="coverage",
            name="charge_percent",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="coverage",
            name="cap_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="coverage",
            name="stated_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
