"""URLs of drafts."""

from django.urls import path

from drafts import views

app_name = "drafts"
urlpatterns = [
    path("drafts/", views.draft_list, name="draft-list"),
    path("drafts/<int:pk>/remove/", views.draft_remove, name="draft-remove"),
    path("drafts/save/", views.save, name="save"),
    path("drafts/discard/", views.discard, name="discard"),
]
