"""How PostgreSQL and Redis are reached: deadlines, breakers, cache, limiter."""
