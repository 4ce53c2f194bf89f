"""What the chat does in the background."""

from helpdesk.jobs.port import job
from helpdesk.services import Services
from helpdesk.widget.follow_up import mail_what_was_not_read


@job("mail_unread_answers", queue="default", every="30 * * * * *")
def mail_unread_answers(services: Services) -> None:
    """Mail the answers that a visitor who left has not read. Safe to run twice."""
    mail_what_was_not_read(services)
