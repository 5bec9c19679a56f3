"""Indexes for finding people by how their names begin, built beside the writers."""

import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0007_placeholders"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Lower("username"),
                    name="text_pattern_ops",
                ),
                name="accounts_user_username_begins",
            ),
        ),
        AddIndexConcurrently(
            model_name="user",
            index=models.Index(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Lower("display_name"),
                    name="text_pattern_ops",
                ),
                name="accounts_user_name_begins",
            ),
        ),
    ]
