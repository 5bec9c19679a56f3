"""URLs of docs."""

from django.urls import path

from community.docs import staff, views

app_name = "docs"
urlpatterns = [
    path("docs/", views.home, name="home"),
    path("docs/_vote/<int:pk>/", views.vote, name="vote"),
    path("docs/<str:version>/<path:path>.md", views.page_source, name="page-source"),
    path("docs/<str:version>/", views.version_home, name="version-home"),
    path("docs/<str:version>/<path:path>/", views.page_detail, name="page-detail"),
    path("staff/docs/", staff.version_list, name="version-list"),
    path("staff/docs/<str:version>/", staff.version_edit, name="version-edit"),
    path("llms.txt", views.llms_txt, name="llms-txt"),
]
