"""What people see: checkout, portal, invoice, and the operator's console."""
