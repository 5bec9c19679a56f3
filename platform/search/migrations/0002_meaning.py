"""Keep what parts mean, and use pgvector where the server has it and lets us."""

import django.contrib.postgres.fields
from django.db import migrations, models, transaction
from django.db.utils import DatabaseError

import core.clock
import search.models


def use_pgvector(apps, schema_editor):
    """Without it the same numbers are multiplied as arrays: slower, as right."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_available_extensions"
            " WHERE name = 'vector' AND installed_version IS NULL"
        )
        if cursor.fetchone() is None:
            return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except DatabaseError:
        # Only a superuser may, on most servers.
        return


class Migration(migrations.Migration):
    dependencies = [("search", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="indexentry",
            name="digest",
            field=models.CharField(
                blank=True, db_index=True, max_length=32, default=""
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="indexentry",
            name="source",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="Embedding",
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
                ("model", models.CharField(max_length=120)),
                ("digest", models.CharField(max_length=32)),
                (
                    "vector",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=search.models.RealField(), size=None
                    ),
                ),
                ("made_at", models.DateTimeField(default=core.clock.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model", "digest"), name="search_embedding_once"
                    )
                ]
            },
        ),
        migrations.RunPython(use_pgvector, migrations.RunPython.noop, elidable=True),
    ]
