"""What the company knows, as a graph: pages, topics, answers, models, errors, plans."""
