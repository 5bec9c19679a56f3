import django.contrib.postgres.indexes
from django.db import migrations, models

import search.models


class Migration(migrations.Migration):
    dependencies = [("search", "0003_titles")]

    operations = [
        migrations.AddIndex(
            model_name="indexentry",
            index=django.contrib.postgres.indexes.GinIndex(
                search.models.TitleWords(models.F("vector")),
                condition=models.Q(("part", 0)),
                name="search_entry_titles",
            ),
        ),
        migrations.RemoveIndex(model_name="indexentry", name="search_entry_first"),
    ]
