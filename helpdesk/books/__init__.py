"""The accounts at night: sealed, compared with the gateways, proved."""
