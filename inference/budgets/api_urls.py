"""REST URLs of budgets."""

from django.urls import path

from inference.budgets import api

urlpatterns = [
    path(
        "organisations/<str:organisation>/budgets/",
        api.BudgetList.as_view(),
        name="budgets",
    ),
]
