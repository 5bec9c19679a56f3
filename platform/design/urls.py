"""URLs of design."""

from django.urls import path

from design import views

app_name = "design"
urlpatterns = [
    path("", views.home, name="home"),
    path(
        "assets/<slug:digest>/doorstone.css", views.stylesheet_file, name="stylesheet"
    ),
    path("favicon.ico", views.favicon, name="favicon"),
    path("preview/", views.preview, name="preview"),
    path("robots.txt", views.robots, name="robots"),
    path("status/", views.status, name="status"),
    path("styleguide/", views.styleguide, name="styleguide"),
    path("theme/", views.set_theme, name="set-theme"),
]
