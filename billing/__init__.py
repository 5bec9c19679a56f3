"""Closed side: plans, money and the conversion they measure."""
