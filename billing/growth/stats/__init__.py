"""The statistics of offers: pure functions on plain numbers, no database, no clock."""
