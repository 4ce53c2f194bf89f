"""Web chat: the frames that the widget and the console exchange."""
