from django.db import migrations

# What the default plans said before, and what they say now.
SUMMARIES = {
    "Premium models, shared keys and budgets.": (
        "Premium models for a team that shares keys and usage."
    ),
    "Single sign-on, priority support and your own limits.": (
        "The highest limits, for twenty people and more."
    ),
}


def say_what_is_kept(apps, schema_editor):
    """Replace promises no code keeps; a summary of the operator's own stays."""
    plans = apps.get_model("plans", "Plan").objects
    for before, after in SUMMARIES.items():
        plans.filter(summary=before).update(summary=after)


class Migration(migrations.Migration):
    dependencies = [("plans", "0001_initial")]

    operations = [migrations.RunPython(say_what_is_kept, migrations.RunPython.noop)]
