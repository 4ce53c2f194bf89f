"""Which refusal answers with which status, and the sentence a person reads.

A class without its own line reads like its nearest ancestor; the tests insist that every
class of helpdesk.errors and billing_core.errors has one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billing_core import errors as billing
from helpdesk import errors as desk
from helpdesk.billing_desk import errors as money


def N_(sentence: str) -> str:
    """Mark a sentence for translation; it is translated when somebody reads it."""
    return sentence


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    sentence: str
    values: Callable[[Any], dict[str, Any]] = lambda _: {}  # what the placeholders hold
    retry_after_s: int = 0


OUR_FAULT = Refusal(500, N_("This did not work because of a fault of ours. It has been recorded."))
OUTAGE = Refusal(
    503,
    N_("The database cannot answer right now. Nothing was changed; try again in a few seconds."),
    retry_after_s=5,
)
OWN_WORDS = "%(message)s"


def _own_words(error: Any) -> dict[str, Any]:
    return {"message": error.message}


REFUSALS: dict[type[BaseException], Refusal] = {
    desk.HelpdeskError: Refusal(409, N_("This is not possible. Nothing changed.")),
    desk.InvalidInput: Refusal(422, OWN_WORDS, _own_words),
    desk.NotFound: Refusal(404, N_("This does not exist, or you may not see it.")),
    desk.Forbidden: Refusal(403, N_("Your role does not allow this. A supervisor can help.")),
    desk.Conflict: Refusal(409, OWN_WORDS, _own_words),
    desk.NotWelcome: Refusal(422, OWN_WORDS, _own_words),
    desk.SignedOut: Refusal(401, N_("You are signed out. Sign in to go on.")),
    desk.WrongPassword: Refusal(401, N_("The address and the password do not match.")),
    desk.SignInLocked: Refusal(
        429,
        N_("Too many wrong passwords. Try again in %(minutes)s min."),
        lambda error: {"minutes": -(-error.seconds // 60)},
    ),
    desk.Busy: Refusal(
        503, N_("Too much is going on at once. Try again in a few seconds."), retry_after_s=5
    ),
    billing.BillingError: Refusal(409, N_("Billing refused this. Nothing changed.")),
    billing.NotAllowed: Refusal(409, N_("A billing rule does not allow this. Nothing changed.")),
    billing.NotFound: Refusal(404, N_("This does not exist, or you may not see it.")),
    billing.CurrencyMismatch: Refusal(
        422,
        N_("This amount is in %(given)s, but the account is in %(expected)s."),
        lambda error: {"given": error.given, "expected": error.expected},
    ),
    billing.UnreadableAmount: Refusal(
        422, N_("“%(text)s” is not an amount."), lambda error: {"text": error.text[:40]}
    ),
    billing.UnreadableTiers: Refusal(422, N_("These price tiers do not fit together.")),
    billing.NoSuchCode: Refusal(
        422, N_("There is no “%(code)s”."), lambda error: {"code": error.code[:40]}
    ),
    billing.CouponNotForThis: Refusal(
        409,
        N_("The coupon “%(code)s” cannot be used on this subscription."),
        lambda error: {"code": error.code[:40]},
    ),
    billing.CouponOver: Refusal(
        409,
        N_("The coupon “%(code)s” has expired, or was used as often as it may be."),
        lambda error: {"code": error.code[:40]},
    ),
    billing.CouponForOtherPlans: Refusal(
        409,
        N_("The coupon “%(code)s” is for other plans."),
        lambda error: {"code": error.code[:40]},
    ),
    billing.AnotherCouponIsOn: Refusal(
        409,
        N_("This subscription has a coupon already: “%(code)s” can follow when that has ended."),
        lambda error: {"code": error.code[:40]},
    ),
    billing.NotMeasured: Refusal(409, N_("Nothing is measured for this item.")),
    billing.UsageTooSmall: Refusal(422, N_("Usage is at least one unit.")),
    billing.AmountNotPositive: Refusal(422, N_("The amount must be more than zero.")),
    billing.RefundTooLarge: Refusal(
        409,
        N_("You asked for %(asked)s, but only %(left)s can still be refunded."),
        lambda error: {"asked": error.asked, "left": error.left},
    ),
    billing.RefundWindowClosed: Refusal(
        409,
        N_(
            "The payment provider took refunds of this charge until %(last_day)s. "
            "Give credit instead, or refund by bank transfer."
        ),
        lambda error: {"last_day": error.last_day},
    ),
    billing.NoRefundRail: Refusal(
        409,
        N_(
            "The payment provider has no way to refund this charge. "
            "Give credit instead, or refund by bank transfer."
        ),
    ),
    billing.WholeRefundOnly: Refusal(
        409,
        N_(
            "The payment provider refunds the whole of this charge or nothing. "
            "For a part of it, give credit or refund by bank transfer."
        ),
    ),
    billing.UnreadablePayee: Refusal(
        422,
        N_("These bank details are incomplete or wrong: %(field)s."),
        lambda error: {"field": error.field},
    ),
    billing.DeadlinePassed: Refusal(409, N_("The time to answer this is over.")),
    billing.LineTooSmall: Refusal(
        409,
        N_("You asked for %(asked)s of a line that has only %(left)s left."),
        lambda error: {"asked": error.asked, "left": error.left},
    ),
    billing.LineNotOfInvoice: Refusal(422, N_("This line is not on that invoice.")),
    billing.BeingCharged: Refusal(
        409, N_("Its payment has no answer yet. Try again when the answer is here.")
    ),
    billing.PaperWaiting: Refusal(
        409,
        N_(
            "A boleto or a Pix code of this amount can still be paid. Correct the invoice instead:"
            " that withdraws it and issues a new one."
        ),
    ),
    billing.WrongState: Refusal(
        409, N_("What has happened to it meanwhile does not allow this. Open it again.")
    ),
    billing.ChangePending: Refusal(409, N_("Another plan change is waiting for its payment.")),
    billing.NothingToChange: Refusal(409, N_("It already is like this: there is nothing to do.")),
    billing.LinesWaiting: Refusal(
        409, N_("An earlier change waits for the next invoice. Bill it first.")
    ),
    billing.RhythmMismatch: Refusal(
        409, N_("This does not renew as often as the rest of the subscription.")
    ),
    billing.ClockBehind: Refusal(409, N_("A test clock does not go back.")),
    billing.DateTooEarly: Refusal(
        422,
        N_("The first possible day is %(earliest)s."),
        lambda error: {"earliest": error.earliest},
    ),
    billing.PriceNotOnSale: Refusal(409, N_("This plan is no longer sold at this price.")),
    billing.PeriodUnpaid: Refusal(
        409, N_("The current period is not paid yet, so no part of it can be given back.")
    ),
    billing.PaidOnlyLower: Refusal(409, N_("A paid invoice can be corrected downwards only.")),
    billing.NoPaymentMethod: Refusal(409, N_("There is no payment method to charge.")),
    billing.StaleInputs: Refusal(
        409, N_("The account has changed since this preview. Make the preview again.")
    ),
    billing.GatewayError: Refusal(502, N_("The payment provider did not accept this.")),
    billing.GatewayDeclined: Refusal(409, N_("The payment provider said no. No money moved.")),
    billing.GatewayUnreachable: Refusal(
        503,
        N_(
            "We do not know yet whether the payment provider received this. "
            "Do not repeat it; the answer will show here."
        ),
    ),
    billing.KeyReused: Refusal(
        409, N_("This confirmation was used for something else before. Nothing was sent.")
    ),
    billing.BadSignature: Refusal(400, N_("This notice is not signed by the payment provider.")),
    billing.UnreadableNotice: Refusal(
        400, N_("This notice of the payment provider is unreadable.")
    ),
    money.StalePreview: Refusal(
        409, N_("The account has changed since this preview. Make the preview again.")
    ),
    money.PreviewExpired: Refusal(409, N_("This preview is too old. Make the preview again.")),
    money.KeyUsed: Refusal(
        409, N_("This confirmation was used for something else before. Nothing was sent.")
    ),
    money.AlreadyConfirmed: Refusal(409, N_("This preview has been confirmed already.")),
    money.AlreadyDecided: Refusal(409, N_("Somebody has decided about this request already.")),
    money.RequestChanged: Refusal(
        409, N_("The request is no longer the one that was shown. Look at it again.")
    ),
    money.OwnRequest: Refusal(403, N_("Another person must approve what you asked for.")),
    billing.Unbalanced: OUR_FAULT,
    billing.TransactionOpen: OUR_FAULT,
    billing.IllegalEdge: OUR_FAULT,
}

# What the web server itself refuses, by status.
BY_STATUS: dict[int, str] = {
    400: N_("This request cannot be read."),
    401: N_("You are signed out. Sign in to go on."),
    403: N_("Your role does not allow this. A supervisor can help."),
    404: N_("This does not exist, or you may not see it."),
    405: N_("This address cannot be used in that way."),
    413: N_("This is larger than we accept."),
    415: N_("This kind of content is not accepted here."),
    429: N_("Too many requests from your network. Try again in a minute."),
    503: N_("This is not available right now. Try again in a few seconds."),
}
FORM_TOO_OLD = N_("This form is too old to be accepted. Open the page again.")


def refusal_of(error: BaseException) -> Refusal | None:
    """Return the line of the nearest ancestor that has one; None: nobody foresaw this error."""
    for kind in type(error).__mro__:
        if kind in REFUSALS:
            return REFUSALS[kind]
    return None


def code_of(error: BaseException) -> str:
    """Return the machine's name of a refusal: `refund_too_large`."""
    name = type(error).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
