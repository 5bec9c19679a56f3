"""Group digits as money is grouped here, by thousands."""

THOUSAND_SEPARATOR = ","
# Not four: nobody writes 1,2345.
NUMBER_GROUPING = 3
