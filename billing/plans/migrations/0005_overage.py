import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("plans", "0004_inquiry")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="planversion",
            name="terms_are_final",
        ),
        migrations.AddField(
            model_name="planversion",
            name="overage_percent",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name="planversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("overage_percent__lte", 1000)),
                name="plans_planversion_overage",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="planversion",
            trigger=pgtrigger.compiler.Trigger(
                name="terms_are_final",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.published_at IS NOT NULL AND (OLD.plan_id, OLD.version, OLD.features, OLD.collection, OLD.trial_days, OLD.trial_needs_card, OLD.seat_min, OLD.seat_max, OLD.overage_percent, OLD.published_at) IS DISTINCT FROM (NEW.plan_id, NEW.version, NEW.features, NEW.collection, NEW.trial_days, NEW.trial_needs_card, NEW.seat_min, NEW.seat_max, NEW.overage_percent, NEW.published_at))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="c37ce50e39ecd38050487202fbf24ac9f3de8924",
                    operation="UPDATE",
                    pgid="pgtrigger_terms_are_final_a2429",
                    table="plans_planversion",
                    when="BEFORE",
                ),
            ),
        ),
    ]
