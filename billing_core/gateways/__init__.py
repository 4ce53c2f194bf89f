"""Payment gateways behind `billing_core.ports.Gateway`."""
