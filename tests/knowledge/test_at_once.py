"""Several who begin to make the graph at the same moment."""

import pytest

from knowledge.models import Build, GraphNode
from knowledge.services import rebuild_graph
from tests.knowledge.conftest import AT
from tests.races import together

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("documentation"),
]


def test_one_of_them_makes_it_and_the_others_leave_it() -> None:
    made = together(*[lambda: rebuild_graph(AT)] * 4)

    assert all(each is None or isinstance(each, Build) for each in made)
    assert any(isinstance(each, Build) for each in made)
    assert Build.objects.get().is_current
    assert GraphNode.objects.filter(kind="doc").count() == 4
