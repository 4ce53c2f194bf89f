"""Invoices on a screen and on paper, for staff."""

from uuid import UUID
from zoneinfo import ZoneInfo

from babel.core import Locale
from flask import Blueprint, Response, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, gettext

from helpdesk.invoices.document import invoice_screen
from helpdesk.invoices.pdf import invoice_pdf
from helpdesk.invoices.queries import document_visible_to
from helpdesk.translations.catalogue import LANGUAGES
from helpdesk.web.access import current_agent, requires, services
from helpdesk.web.formats import Formats, current_formats
from helpdesk.web.shell import shell_screen

bp = Blueprint("invoices", __name__)

READERS = ("en", *LANGUAGES)


@bp.get("/invoices/<uuid:invoice_id>")
@requires("billing.read")
def show(invoice_id: UUID) -> ResponseReturnValue:
    """Show the invoice in the language of whoever is signed in."""
    with services().reading() as session:
        document = document_visible_to(session, current_agent(), invoice_id)
        screen = invoice_screen(document, current_formats(), seller=services().settings.company)
    return render_template(
        "invoices/page.html",
        shell=shell_screen("customers"),
        invoice=screen,
        customer=document.customer,
    )


@bp.get("/invoices/<uuid:invoice_id>.pdf")
@requires("billing.read")
def paper(invoice_id: UUID) -> ResponseReturnValue:
    """Return the PDF in the customer's language, or in `?language=`: en, pt_BR."""
    with services().reading() as session:
        document = document_visible_to(session, current_agent(), invoice_id)
        language = _language(request.args.get("language", document.customer.language))
        with force_locale(language):
            zone = ZoneInfo(document.customer.time_zone)
            formats = Formats(Locale.parse(language), zone, services().clock(), gettext)
            screen = invoice_screen(document, formats, seller=services().settings.company)
    body = invoice_pdf(screen, fonts=str(current_app.static_folder), at=document.invoice.issued_at)
    return Response(
        body,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{screen.number or screen.id}.pdf"'},
    )


def _language(asked: str) -> str:
    """Return a language we have; English for any other."""
    return asked if asked in READERS else READERS[0]
