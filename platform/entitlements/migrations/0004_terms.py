"""Periods and prices of usage; what a line says of its month is one sum."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_second_factor_from_the_upgrade"),
        ("entitlements", "0003_creditline"),
    ]

    operations = [
        migrations.AddField(
            model_name="organisationentitlement",
            name="period_start",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="organisationentitlement",
            name="period_end",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="organisationentitlement",
            name="overage_percent",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name="organisationentitlement",
            constraint=models.CheckConstraint(
                condition=Q(period_start=None, period_end=None)
                | Q(period_end__gt=F("period_start")),
                name="entitlements_organisationentitlement_period",
            ),
        ),
        migrations.RemoveConstraint(
            model_name="creditline", name="entitlements_creditline_not_below_nought"
        ),
        migrations.AddField(
            model_name="creditline",
            name="settled_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="creditline",
            name="chargeable_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="creditline",
            name="cap_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="creditline",
            name="ends_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(
            "UPDATE entitlements_creditline"
            " SET settled_nano = from_allowance_nano + beyond_nano",
            migrations.RunSQL.noop,
        ),
        # Gateways of the release before still read the column.
        migrations.AlterField(
            model_name="creditline",
            name="beyond_nano",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("creditline", "beyond_nano")]
        ),
        migrations.AddConstraint(
            model_name="creditline",
            constraint=models.CheckConstraint(
                condition=Q(from_allowance_nano__gte=0)
                & Q(settled_nano__gte=0)
                & Q(remaining_nano__gte=0)
                & Q(chargeable_nano__gte=0)
                & Q(cap_nano__gte=0),
                name="entitlements_creditline_no_part_below_nought",
            ),
        ),
    ]
