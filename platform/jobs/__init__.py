"""The one durable queue: work that waits in a row until it is done.

``enqueue`` writes a job in the transaction of its cause; a worker does it after the
commit, and tries again until it is done, ignored or given up.
"""
