"""Campaigns: whom they are for, the steps that are taken, and what came of them."""
