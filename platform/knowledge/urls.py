"""URLs of the knowledge graph."""

from django.urls import path

from knowledge import views

app_name = "knowledge"
urlpatterns = [
    path("staff/knowledge/", views.home, name="home"),
    path("staff/knowledge/needs/", views.need_list, name="need-list"),
    path("staff/knowledge/gaps/", views.gap_list, name="gap-list"),
    path("staff/knowledge/nodes/", views.node_list, name="node-list"),
    path(
        "staff/knowledge/nodes/<slug:kind>/<path:key>/", views.node, name="node-detail"
    ),
]
