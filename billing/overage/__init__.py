"""What usage beyond the allowance is charged, from the ledger to the invoice."""
