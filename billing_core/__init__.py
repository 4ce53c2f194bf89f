"""Money: catalogue, subscriptions, invoices, payments, refunds and the ledger. Imports nothing from the helpdesk."""
