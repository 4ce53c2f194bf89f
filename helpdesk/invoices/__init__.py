"""Invoices as documents: on a screen and as a PDF, in the reader's language."""
