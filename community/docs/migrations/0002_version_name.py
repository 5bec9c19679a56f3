"""Hold versions to names an address can say; ones that cannot are named anew."""

import re

from django.db import migrations, models

NAME = r"^[A-Za-z0-9][A-Za-z0-9.-]{0,39}$"


def name_anew(apps, schema_editor):
    for version in apps.get_model("docs", "Version").objects.all():
        if not re.match(NAME, version.slug):
            kept = re.sub("[^A-Za-z0-9.-]+", "-", version.slug).strip("-.")[:20]
            version.slug = f"{kept or 'version'}-{version.pk}"
            version.save(update_fields=["slug"])


class Migration(migrations.Migration):
    dependencies = [("docs", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="version",
            name="slug",
            field=models.CharField(max_length=40, unique=True),
        ),
        migrations.AlterField(
            model_name="version",
            name="sort_key",
            field=models.CharField(max_length=400),
        ),
        migrations.RunPython(name_anew, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(slug__regex=NAME), name="docs_version_name"
            ),
        ),
    ]
