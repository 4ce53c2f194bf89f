"""Channel adapters: they translate between a provider's wire format and `channels.port`, and decide nothing."""
