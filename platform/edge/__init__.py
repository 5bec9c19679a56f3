"""What every page and endpoint shares: requests, REST, schema, pages, throttling."""
