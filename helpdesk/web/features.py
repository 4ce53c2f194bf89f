"""Every feature's door, listed in one place."""

from typing import Any

from flask import Blueprint
from flask_socketio import Namespace

from helpdesk.services import Services
from helpdesk.settings import Settings


def blueprints() -> list[Blueprint]:
    """Return the blueprints whose writes carry our own CSRF token."""
    from helpdesk.billing_desk import views as billing_desk
    from helpdesk.customers import views as customers
    from helpdesk.inbox import quarantine_views as quarantine
    from helpdesk.invoices import views as invoices
    from helpdesk.mailboxes import views as mailboxes
    from helpdesk.outbox import views as outbox
    from helpdesk.phone import views as phone
    from helpdesk.reports import views as reports
    from helpdesk.staff import views as staff
    from helpdesk.tickets import views as tickets
    from helpdesk.web import ops
    from helpdesk.widget import desk_views as widgets

    return [
        billing_desk.bp,
        customers.bp,
        invoices.bp,
        mailboxes.bp,
        outbox.bp,
        quarantine.bp,
        phone.bp,
        reports.bp,
        staff.bp,
        tickets.bp,
        widgets.bp,
        ops.bp,
    ]


def signed_by_others() -> list[Blueprint]:
    """Return the blueprints whose writes prove themselves otherwise (a provider's signature)."""
    from helpdesk.billing_desk import hooks as gateways
    from helpdesk.inbox import views as inbox
    from helpdesk.mailboxes import hooks as mail
    from helpdesk.widget import views as widget

    return [gateways.bp, inbox.bp, mail.bp, widget.bp]


def sample_pages(settings: Settings) -> list[Blueprint]:
    """Return the pages of the sample company, where the installation asks for them."""
    if not settings.sample_site:
        return []
    from helpdesk.demo import views as demo

    return [demo.bp]


def namespaces(services: Services) -> dict[str, Namespace | Any]:
    """Return the Socket.IO namespaces by name."""
    from helpdesk.realtime.relay import CHAT, CONSOLE
    from helpdesk.tickets.sockets import ConsoleNamespace
    from helpdesk.widget.sockets import ChatNamespace

    return {CHAT: ChatNamespace(services), CONSOLE: ConsoleNamespace(services)}
