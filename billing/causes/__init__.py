"""What moves α: effects of what people meet on whether they pay."""
