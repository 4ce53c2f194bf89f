"""A page of the sample company, with the chat widget on it. Served only when asked for."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import jwt
from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale, ngettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from billing_core.catalog import plans_on_sale
from billing_core.domain.money import Money
from billing_core.store.views import PriceView
from helpdesk.customers.model import Handle
from helpdesk.services import Services
from helpdesk.web.access import public, services
from helpdesk.widget.slips import proven_customer
from helpdesk.widget.visitors import AUDIENCE

bp = Blueprint("sample_site", __name__)


@dataclass(frozen=True, slots=True)
class PlanCard:
    name: str
    price: Money
    about: str


@bp.get("/site")
@public("a page of the sample company")
def plans() -> ResponseReturnValue:
    """Show the plans. `?as=` signs in as one of the sample company's customers.

    Its customers are made up and have no passwords: an installation with real ones does
    not serve this page.
    """
    settings = services().settings
    language = "en" if request.args.get("lang") == "en" else settings.language
    subject = request.args.get("as", "") if settings.widget_secret else ""
    with services().reading() as session, force_locale(language):
        cards = [
            PlanCard(price.plan_name, price.amount, about(price))
            for price in plans_on_sale(session, settings.currency)
            if price.interval == "month"
        ]
        visitor = proven_customer(session, subject)
        return render_template(
            "site/plans.html",
            language=language.replace("_", "-"),
            company=settings.company,
            plans=cards,
            visitor=visitor.name if visitor else "",
            identity=signed(services(), subject, visitor.name) if visitor else "",
            somebody=somebody(session) if settings.widget_secret else "",
        )


def somebody(session: Session) -> str:
    """Return the site's id of a customer to sign in as; "" where there is none."""
    found = session.scalar(
        select(Handle.value)
        .where(Handle.kind == "external", Handle.verified_at.is_not(None))
        .order_by(Handle.value)
        .limit(1)
    )
    return found or ""


def signed(service: Services, subject: str, name: str) -> str:
    """Return the token with which a site vouches for its customer, good for an hour."""
    expires = service.clock() + timedelta(minutes=55)
    claims = {
        "sub": subject,
        "name": name,
        "aud": AUDIENCE,
        "exp": int(expires.timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode(claims, service.settings.widget_secret, algorithm="HS256")


def about(price: PriceView) -> str:
    """Say in one line what a plan holds."""
    features = price.features
    parts = []
    if "profiles" in features:
        parts.append(ngettext("%(num)s profile", "%(num)s profiles", features["profiles"]))
    if "screens" in features:
        parts.append(ngettext("%(num)s screen", "%(num)s screens", features["screens"]))
    if features.get("downloads"):
        count = features["downloads"]
        parts.append(ngettext("downloads on %(num)s device", "downloads on %(num)s devices", count))
    return ", ".join(parts)
