import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("search", "0004_words_of_titles"),
    ]

    operations = [
        migrations.AddField(
            model_name="indexentry",
            name="asked",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
    ]
