"""The WSGI entry: `gunicorn wsgi:app`."""

import os

from helpdesk.app import create_app
from helpdesk.settings import Settings

app = create_app(Settings.from_env(os.environ))
