"""``CONTRIBUTING.md`` followed to the letter, by somebody who has only a clone.

    make first-change                             # what is committed here
    make first-change ARGS="--environment .venv"  # without installing packages

"Your first change" is what is done: each block is run, written to the file it names or
put where the sentence above it says. It prints how long each step took.
"""
