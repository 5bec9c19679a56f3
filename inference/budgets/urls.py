"""URLs of budgets."""

from django.urls import path

from inference.budgets import views

app_name = "budgets"
urlpatterns = [
    path("console/<slug:org>/budgets/", views.budget_list, name="budget-list"),
]
