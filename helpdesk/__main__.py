"""`python -m helpdesk` is `guiche`."""

from helpdesk.cli import main

main()
