from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("credits", "0004_periods_before")]

    operations = [
        migrations.AlterField(
            model_name="coverage",
            name="starts_at",
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name="coverage",
            name="ends_at",
            field=models.DateTimeField(),
        ),
        migrations.RemoveConstraint(
            model_name="coverage", name="credits_coverage_once"
        ),
        migrations.RemoveConstraint(
            model_name="coverage", name="credits_coverage_adds_up"
        ),
        migrations.RemoveConstraint(
            model_name="coverage", name="credits_coverage_not_below_nought"
        ),
        migrations.AddConstraint(
            model_name="coverage",
            constraint=models.UniqueConstraint(
                fields=("organisation", "starts_at"), name="credits_coverage_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="coverage",
            constraint=models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="credits_coverage_ends_later",
            ),
        ),
        migrations.AddConstraint(
            model_name="coverage",
            constraint=models.CheckConstraint(
                condition=Q(
                    used_nano=F("from_allowance_nano")
                    + F("from_credit_nano")
                    + F("charged_nano")
                    + F("uncovered_nano")
                ),
                name="credits_coverage_parts_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="coverage",
            constraint=models.CheckConstraint(
                condition=Q(from_allowance_nano__gte=0)
                & Q(from_credit_nano__gte=0)
                & Q(charged_nano__gte=0)
                & Q(uncovered_nano__gte=0)
                & Q(cap_nano__gte=0),
                name="credits_coverage_no_part_below_nought",
            ),
        ),
        migrations.AddConstraint(
            model_name="coverage",
            constraint=models.CheckConstraint(
                condition=Q(charged_nano=0) | Q(charge_percent__gt=0),
                name="credits_coverage_charged_at_a_price",
            ),
        ),
        migrations.AddIndex(
            model_name="coverage",
            index=models.Index(
                condition=~Q(charged_nano=F("stated_nano")),
                fields=["ends_at"],
                name="credits_coverage_news",
            ),
        ),
    ]
