"""``make mutate``: does a test see it when the code is a little wrong?"""
