"""Group digits as money is grouped here, by thousands."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
