"""What the sandbox phone network keeps for an account: its numbers, and the files of texts.

As with the real one, the address of a file leads on to a store elsewhere, which
wants no token.
"""

from flask import Flask, Response, jsonify, redirect, request
from flask.typing import ResponseReturnValue

from helpdesk.demo.twilio_forms import API, PROVIDER_URL, new_sid

STORE = "/store/"


class Shelf:
    """What customers attached, by the id of each file."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._files: dict[str, tuple[bytes, str]] = {}
        self.handed_out: list[str] = []  # ids, in the order they were fetched
        self.leaks = 0  # requests that brought the account's token to the store
        self.broken: set[str] = set()  # ids that the store does not find for now
        self.cut: set[str] = set()  # ids whose line breaks half-way

    def add(self, content: bytes, media_type: str) -> tuple[str, str]:
        """Keep a file; return the (address, media type) that `customer_texts` takes."""
        sid = new_sid("ME")
        self._files[sid] = (content, media_type)
        message = new_sid("MM")
        return (
            f"{PROVIDER_URL}/{API}/Accounts/{self._account}/Messages/{message}/Media/{sid}",
            media_type,
        )

    def open(self, app: Flask) -> None:
        """Add the two addresses of every file to the network's application."""
        account = f"/{API}/Accounts/{self._account}"
        app.add_url_rule(f"{account}/Messages/<message>/Media/<sid>", view_func=self._lead_on)
        app.add_url_rule(f"{STORE}<sid>", view_func=self._hand_out)

    def _lead_on(self, message: str, sid: str) -> ResponseReturnValue:  # noqa: ARG002
        return redirect(f"https://mms.twiliocdn.com{STORE}{sid}", 307)

    def _hand_out(self, sid: str) -> ResponseReturnValue:
        if request.authorization:
            self.leaks += 1
        if sid not in self._files or sid in self.broken:
            return Response(status=404)
        content, media_type = self._files[sid]
        if sid in self.cut:
            half = Response(content[: len(content) // 2], mimetype=media_type)
            half.headers["Content-Length"] = str(len(content))
            return half
        self.handed_out.append(sid)
        return Response(content, mimetype=media_type)


class Counter:
    """The numbers of the account, and the addresses that are called for them."""

    def __init__(self, account: str) -> None:
        self._account = account
        self.state = "active"
        self.answers = 0  # with this status and nothing that the provider would say
        self.numbers: dict[str, dict[str, str]] = {}  # number -> channel -> address

    def open(self, app: Flask) -> None:
        account = f"/{API}/Accounts/{self._account}"
        app.add_url_rule(f"{account}.json", view_func=self._show)
        app.add_url_rule(f"{account}/IncomingPhoneNumbers.json", view_func=self._list_numbers)
        app.add_url_rule("/v2/Channels/Senders", view_func=self._list_senders)

    def _show(self) -> ResponseReturnValue:
        if self.answers:
            return Response("<p>Hello</p>", status=self.answers)
        return jsonify({"sid": self._account, "status": self.state})

    def _list_numbers(self) -> ResponseReturnValue:
        wanted = request.args.get("PhoneNumber", "")
        found = [
            {
                "sid": "PN" + number.removeprefix("+").rjust(32, "0"),
                "phone_number": number,
                "sms_url": urls.get("sms", ""),
                "voice_url": urls.get("voice", ""),
                "sms_method": urls.get("method", "POST"),
                "voice_method": urls.get("method", "POST"),
                "status_callback": urls.get("reports", urls.get("voice", "")),
            }
            for number, urls in self.numbers.items()
            if number == wanted
        ]
        return jsonify({"incoming_phone_numbers": found, "page": 0, "page_size": 50})

    def _list_senders(self) -> ResponseReturnValue:
        found = [
            {
                "sid": "XE" + number.removeprefix("+").rjust(32, "0"),
                "sender_id": f"whatsapp:{number}",
                "webhook": {"callback_url": urls["whatsapp"]},
            }
            for number, urls in self.numbers.items()
            if "whatsapp" in urls
        ]
        meta = {"key": "senders", "page": 0, "page_size": 50, "url": request.url}
        return jsonify({"senders": found, "meta": meta})
