"""One moment of one made-up day, as the screens' values: what the pages look like when full."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing_core.domain.money import Money
from helpdesk.customers.screen import (
    AlertCard,
    CustomerCard,
    InvoiceLine,
    NextCharge,
    PanelScreen,
    RegisterLine,
    SubscriptionCard,
)
from helpdesk.staff.screen import LoginScreen
from helpdesk.tickets.screen import (
    Attachment,
    Collision,
    ComposerChannel,
    ComposerScreen,
    ConversationScreen,
    DayLine,
    MessageItem,
    MoneySlip,
    NoteItem,
    QueueGroup,
    QueueRow,
    QueueScreen,
    Run,
    SlaChip,
    SlipRow,
    Snippet,
    TimelineScreen,
    plain,
)
from helpdesk.web.screen import Person, ShellScreen

ZONE = ZoneInfo("America/Sao_Paulo")
NOW = datetime(2026, 11, 17, 17, 28, tzinfo=UTC)
TICKET = "0192f0c4-7f11-7000-8000-000000048213"

CAMILA = Person("Camila Duarte", "CD", "d", "available")
BRUNO = Person("Bruno Sales", "BS", "b2", "available")
MARIANA = Person("Mariana Alves Prado", "MP", "e")


def brl(minor: int) -> Money:
    return Money(minor, "BRL")


def today(clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return datetime(2026, 11, 17, int(hours), int(minutes), tzinfo=ZONE)


def yesterday(clock: str) -> datetime:
    return today(clock) - timedelta(days=1)


def due(seconds: int, share: float) -> SlaChip:
    """A running clock with this much left, which is this share of its target."""
    target = int(seconds / share) if share else 900
    return SlaChip("running", NOW + timedelta(seconds=seconds), target)


def shell(language: str, theme: str) -> ShellScreen:
    return ShellScreen(
        agent=CAMILA,
        agent_id="camila",
        company="Sabiá",
        nav="inbox",
        language=language,
        theme=theme,
        rooms=("inbox", "customers", "billing", "live", "knowledge"),
        unread=3,
    )


def login(language: str, error: str = "") -> LoginScreen:
    return LoginScreen(
        company="Sabiá",
        language=language,
        email="camila.duarte@sabia.example",
        error=error,  # type: ignore[arg-type]
        sso_url="/sso",
        passkeys=True,
        two_step=True,
        reset_url="/reset",
    )


def row(
    number: int, channel: str, name: str, snippet: str, sla: SlaChip, ago: int, **more: object
) -> QueueRow:
    return QueueRow(
        ticket_id=f"ticket-{number}",
        number=number,
        channel=channel,  # type: ignore[arg-type]
        name=name,
        snippet=snippet,
        sla=sla,
        last_at=NOW - timedelta(minutes=ago),
        **more,  # type: ignore[arg-type]
    )


def queue(current: int | None = 48213) -> QueueScreen:
    late = (
        row(48190, "whatsapp", "Bianca Moura", "Pix do dia 12 não foi reconhecido", due(-250, 0), 19, at_stake=brl(7990), tags=("Pix",), unread=True),
    )  # fmt: skip
    soon = (
        row(48231, "chat", "Rafael Teixeira", "Paguei o Pix e o plano segue bloqueado", due(108, 0.12), 0, at_stake=brl(7990), tags=("Pix",), unread=True, typing=True),
        row(48213, "whatsapp", "Mariana Alves Prado", "No cartão, por favor. E cai quando?", due(771, 0.86), 2, at_stake=brl(12990), times=2, tags=("duplicidade",)),
        row(48230, "chat", "Priya Raman", "Can I switch to Family mid-month? What do I pay today?", due(800, 0.88), 1, tags=("mudança de plano",), language="en", unread=True),
        row(48227, "voice", "Lúcia Ferraz", "Retorno pedido pelo correio de voz, 0:48", due(1320, 0.62), 17, tags=("cartão recusado",)),
    )  # fmt: skip
    later = (
        row(48205, "email", "Emma Clarke", "I was charged after cancelling on the 9th", due(4320, 0.7), 48, at_stake=brl(4990), language="en", unread=True),
        row(48201, "email", "Construtora Ipê Ltda.", "Segunda via do boleto de novembro", due(5700, 0.75), 71, at_stake=brl(125548), tags=("boleto",)),
        row(48198, "sms", "Tiago Nakamura", "Quero passar para o anual, quanto fica?", due(9600, 0.8), 90, tags=("mudança de plano",)),
        row(48177, "email", "João Batista Sena", "Nota fiscal saiu com o CPF errado", SlaChip("hold", reason="customer"), 186, tags=("nota fiscal",)),
    )  # fmt: skip
    return QueueScreen(
        view="mine",
        total=14,
        groups=(
            QueueGroup("late", 1, late),
            QueueGroup("soon", 4, soon),
            QueueGroup("today", 7, later),
        ),
        channels={"email": 5, "chat": 3, "whatsapp": 4, "sms": 1, "voice": 1},
        late=1,
        current=current,
    )


def empty_queue() -> QueueScreen:
    return QueueScreen(view="mine", total=0, groups=(), next_due_at=today("15:40"))


def timeline() -> TimelineScreen:
    amount = Run("R$\u00a0129,90", "amount", "capture-2")
    letter = (
        Run("Oi, olhei a fatura e o plano Família entrou duas vezes: "),
        Run("R$\u00a0129,90", "amount", "capture-1"),
        Run(" às 09:12 e "),
        amount,
        Run(" às 09:14 do dia 16. Podem estornar uma? Mando o print."),
    )
    answer = (
        Run("Oi, Mariana! Vi as duas cobranças aqui ao lado. A segunda foi erro nosso e eu devolvo os "),
        amount,
        Run(". Prefere no mesmo cartão ou por Pix?"),
    )  # fmt: skip
    note = (
        Run("@Bruno Sales", "mention"),
        Run(" o adquirente reenviou a captura depois do timeout. Mesmo caso do INC-391."),
    )
    slip = MoneySlip(
        2,
        "duplicate",
        "detected",
        yesterday("21:47"),
        rows=(
            SlipRow("Visa •• 4417 · aprovada", brl(12990), datetime(2026, 11, 16, 9, 12, 7, tzinfo=ZONE), "FAT-2026-11842"),
            SlipRow("Visa •• 4417 · aprovada", brl(12990), datetime(2026, 11, 16, 9, 14, 21, tzinfo=ZONE), "sem fatura", warn=True),
        ),
        args={"seconds": 134},
    )  # fmt: skip
    return TimelineScreen(
        TICKET,
        7,
        (
            MessageItem(1, "in", "email", MARIANA, yesterday("21:47"), letter, full_name=True, attachments=(Attachment("print-fatura.png", "/files/1", 217088, "image/png"),)),
            slip,
            DayLine(date(2026, 11, 17)),
            MessageItem(3, "in", "whatsapp", MARIANA, today("14:19"), plain("Boa tarde! Alguém viu meu e-mail? O limite do cartão ficou apertado 😕")),
            MessageItem(4, "out", "whatsapp", CAMILA_AWAY, today("14:22"), answer, state="read", state_at=today("14:23")),
            NoteItem(5, CAMILA_AWAY, today("14:24"), note),
            MessageItem(6, "in", "whatsapp", MARIANA, today("14:26"), plain("No cartão, por favor. E cai quando?")),
        ),
        typing=("Mariana", "whatsapp"),
    )  # fmt: skip


CAMILA_AWAY = Person("Camila Duarte", "CD", "d")


def conversation(number: int = 48213) -> ConversationScreen:
    draft = "A devolução de R$\u00a0129,90 vai para o Visa final 4417. O banco costuma mostrar em uma ou duas faturas, até 16 de janeiro."
    return ConversationScreen(
        ticket_id=f"{TICKET[:-5]}{number}",
        number=number,
        subject="Fui cobrada duas vezes no cartão",
        category="open",
        customer_name="Mariana Alves Prado",
        timeline=timeline(),
        composer=ComposerScreen(
            TICKET,
            (
                ComposerChannel(
                    "whatsapp",
                    "+55 11 9••••-4417",
                    "whatsapp_window",
                    NOW + timedelta(hours=23, minutes=58, seconds=30),
                ),
                ComposerChannel("email", "mariana@exemplo.com.br", subject="Re: cobrança"),
                ComposerChannel("sms", "+55 11 9••••-4417", "sms_parts"),
            ),
            "whatsapp",
            "6a9f7e57-59bb-4d7f-9d8e-0cf7e2a40001",
            reply_draft=draft,
            check="Valor, cartão e prazo conferem com a cobrança",
            macros=(Snippet("Prazo no cartão", "O banco mostra em uma ou duas faturas."),),
            facts=(Snippet("Próxima cobrança", "R$\u00a0129,90"),),
            attach=True,
        ),
        first=SlaChip("met", took_s=19320),
        next=due(771, 0.86),
        resolution=due(76830, 0.88),
        tags=("cobrança duplicada",),
        assignee=CAMILA,
        viewers=(BRUNO,),
        collision=Collision(
            Person("Bruno Sales", "BS", "b2"), "whatsapp", NOW - timedelta(seconds=20)
        ),
        place=3,
        of=14,
    )


def panel() -> PanelScreen:
    return PanelScreen(
        ticket_id=TICKET,
        customer=CustomerCard(
            "mariana",
            MARIANA,
            "mariana@exemplo.com.br",
            local_time=NOW.astimezone(ZONE),
            place="SP",
            identity="confirmed",
            identity_at=today("14:21"),
            document="CPF •••.482.118-••",
            since=date(2024, 3, 16),
            paid=brl(280337),
            contacts=4,
            url="/customers/mariana",
        ),
        alert=AlertCard(
            "Cobrada duas vezes em 16/11",
            "A segunda captura não tem fatura. Há R$\u00a0129,90 a devolver.",
            "refund",
            brl(12990),
        ),
        next_charge=NextCharge(
            brl(12990),
            date(2026, 12, 16),
            29,
            "Plano Família de 16/12 a 15/01, no Visa •• 4417. Sem ajustes nem créditos.",
        ),
        subscription=SubscriptionCard(
            "Família",
            "active",
            brl(12990),
            "mensal, todo dia 16",
            2,
            30,
            "Visa •• 4417, vence 08/28",
        ),
        invoices=(
            InvoiceLine("capture-2", date(2026, 11, 16), "2ª captura", "due_back", brl(12990)),
            InvoiceLine("capture-1", date(2026, 11, 16), "FAT-2026-11842", "paid", brl(12990), "Mensalidade do Família de 16/11 a 15/12. Mesmo valor de outubro. Impostos incluídos: R$\u00a06,50 de ISS. Nota fiscal 2026/90311.", open=True),
            InvoiceLine("f3", date(2026, 10, 16), "FAT-2026-10377", "paid", brl(12990), "Mensalidade do Família de 16/10 a 15/11."),
            InvoiceLine("f4", date(2026, 9, 16), "FAT-2026-09120", "paid", brl(14657), "Mudança do Plus para o Família em 5 de setembro."),
        ),
        invoices_total=34,
        invoices_url="/customers/mariana/invoices",
        register=(
            RegisterLine(today("14:21"), "Identidade confirmada por código no WhatsApp"),
            RegisterLine(yesterday("09:14"), "Captura automática repetida pelo adquirente"),
        ),
        register_url="/customers/mariana/audit",
        acts=("refund", "plan", "credit", "reissue"),
        limit=brl(10000),
    )  # fmt: skip
