"""Every job is started by ``later()``; every request row names a function that exists."""

import pytest
from django.apps import apps

from governance.kernel import jobs
from tests.rules.source import calls, modules

SENDERS = {"delay", "apply_async", "send_task"}


def test_messages_are_sent_by_the_job_kernel_alone():
    others = [
        (path.as_posix(), name)
        for path, tree in modules()
        if path.as_posix() != "governance/kernel/jobs.py"
        for name, _ in calls(tree)
        if name in SENDERS
    ]
    # Beat sends by name, without loading what does the work.
    others = [(path, name) for path, name in others if path != "curation/beat.py"]

    assert others == []


@pytest.mark.parametrize("model", jobs.request_models(), ids=lambda model: model.__name__)
def test_a_request_names_a_function_that_exists(model):
    assert callable(jobs.function_of(model))


def test_every_model_with_a_status_has_a_table_of_moves():
    without = [
        model.__name__
        for model in apps.get_models()
        if model._meta.app_label in {"governance", "annotations", "curation"}
        and any(field.name == "status" for field in model._meta.get_fields())
        and not hasattr(model, "MOVES")
        # A consent answer and a finding are said once and never move.
        and model.__name__ not in {"ConsentEvent", "Finding"}
    ]

    assert without == []
