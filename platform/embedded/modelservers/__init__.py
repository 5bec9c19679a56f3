"""Small models served on this machine: each in a process of its own (ADR 0024).

``language`` and ``embeddings`` are those processes; ``fleet`` starts them for
``make run``, ``cards`` offers them in the catalogue.
"""
