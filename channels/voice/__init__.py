"""Phone calls over Twilio: greeting, voicemail, transcript."""
