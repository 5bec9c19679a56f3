"""URLs of search."""

from django.urls import path

from search import views

app_name = "search"
urlpatterns = [
    path("search/", views.results, name="results"),
    path("staff/operations/misses/", views.miss_list, name="misses"),
    path("staff/operations/search/", views.meaning_progress, name="meaning"),
]
