from collections.abc import Callable

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

Step = Callable[[Apps, BaseDatabaseSchemaEditor], None]


def rename(old: str, new: str) -> Step:
    def run(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        messages = apps.get_model("playground", "Message").objects
        messages.filter(state=old).update(state=new)

    return run


class Migration(migrations.Migration):
    dependencies = [("playground", "0001_initial")]

    operations = [
        migrations.AlterField(
            "message",
            "state",
            models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("stopped", "Stopped"),
                    ("dead", "Dead"),
                ],
                default="done",
                max_length=8,
            ),
        ),
        migrations.RunPython(rename("failed", "dead"), rename("dead", "failed")),
    ]
