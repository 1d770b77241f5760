"""Give everybody of whom the log speaks a pseudonym of their own.

Events never change: whoever is here already keeps, as pseudonym, the id by which the log named them so far.
"""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import governance.models.subjects


def keep_the_old_names(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for name in ("Person", "Contributor"):
        apps.get_model("governance", name)._default_manager.update(pseudonym=models.F("public_id"))


class Migration(migrations.Migration):
    dependencies = [
        ('governance', '0015_log_nodes_witnesses'),
    ]

    operations = [
        migrations.AddField('person', 'pseudonym', models.CharField(editable=False, max_length=32, null=True, unique=True)),
        migrations.AddField('contributor', 'pseudonym', models.CharField(editable=False, max_length=32, null=True, unique=True)),
        migrations.RunPython(keep_the_old_names, migrations.RunPython.noop),
        migrations.AlterField('person', 'pseudonym', models.CharField(default=governance.models.subjects.new_id, editable=False, max_length=32, null=True, unique=True)),
        migrations.AlterField('contributor', 'pseudonym', models.CharField(default=governance.models.subjects.new_id, editable=False, max_length=32, null=True, unique=True)),
    ]
