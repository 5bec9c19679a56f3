"""The look of every page: styles, scripts, components, Markdown."""
