"""The `guiche` command."""

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from helpdesk.billing_cli import Command, add_commands, print_lines
from helpdesk.settings import InvalidSettings, Settings

TEACH = """\
Guichê: the helpdesk where a conversation and the customer's money stand side by side.

  guiche demo             a company with living data, on http://127.0.0.1:8080
  guiche demo --live      the same, with customers who write while you watch
  guiche up               your own installation, everything in one process

at scale, on as many machines as you like (PostgreSQL and Redis):
  guiche migrate          bring the database to this version first
  guiche web              answers browsers and providers
  guiche worker           reads mailboxes, sends, bills, refunds

money, for those who keep the books (each explains itself with --help):
  guiche billing run|preview|account|cancel|...
  guiche ledger verify|balance
  guiche reconcile
  guiche metrics

for those who work on it:
  guiche test [ARGS]      the tests (ARGS go to pytest; --full for all sizes)
  guiche check            lint, types, contracts between packages
  guiche bench NAME       one benchmark

Settings are read from the environment; `guiche settings` lists them with their values.
"""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["test"]:  # pytest reads its own arguments
        sys.exit(run_tests(arguments[1:]))
    parsed = _parser().parse_args(arguments)
    try:
        sys.exit(parsed.run(parsed) or 0)
    except InvalidSettings as wrong:
        for fault in wrong.faults:
            print(f"guiche: {fault}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="guiche", description=TEACH, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int | None], help_: str
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help_, description=help_)
        made.set_defaults(run=run)
        return made

    def bindable(made: argparse.ArgumentParser) -> None:
        made.add_argument("--bind", default="127.0.0.1:8080", metavar="HOST:PORT")

    demo = command("demo", _demo, "run with a company's living demo data on SQLite")
    bindable(demo)
    demo.add_argument("--live", action="store_true", help="simulated customers keep writing")
    demo.add_argument("--fresh", action="store_true", help="throw the demo data away first")
    bindable(command("up", _up, "run everything in one process"))
    web = command("web", _web, "answer browsers and providers")
    bindable(web)
    web.add_argument("--workers", type=int, default=2, metavar="N")
    command("worker", _worker, "run jobs and read mailboxes")
    command("migrate", _migrate, "bring the database to this version")
    seed = command("seed", _seed, "fill an empty database with demo data")
    seed.add_argument("--customers", type=int, default=300, metavar="N")
    command("settings", _settings, "list the settings and their values")
    mail = command("mail", _mail, "hand a message to the inbox: guiche mail ingest < message.eml")
    mail.add_argument("action", choices=["ingest"])
    mail.add_argument(
        "--to",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="whom it is for; may be repeated",
    )
    add_commands(commands, _with_services)
    command("check", _check, "lint, types, contracts between packages")
    bench = command("bench", _bench, "run one benchmark and print its table")
    bench.add_argument("name")
    bench.add_argument("--size", type=int)
    bench.add_argument("--json", type=Path, metavar="FILE")
    command("test", lambda _: run_tests([]), "run the tests (arguments go to pytest)")
    return parser


def prepare(env: dict[str, str] | os._Environ[str] = os.environ) -> Settings:
    """Make the data folder, its secret and the compiled translations; return the settings."""
    data_dir = Path(env.get("GUICHE_DATA_DIR") or ".data").absolute()
    data_dir.mkdir(parents=True, exist_ok=True)
    secret = data_dir / "secret_key"
    if "GUICHE_SECRET_KEY" not in env and not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(48))
    settings = Settings.from_env(env)
    from helpdesk.translations.catalogue import compile_catalogues

    compile_catalogues()
    return settings


def migrate_all(settings: Settings) -> None:
    """Bring our rows and the job engine's tables to this version."""
    from helpdesk.db import make_engine
    from helpdesk.jobs.engine import prepare_tables
    from helpdesk.migrations.runner import migrate

    engine = make_engine(settings.database_url)
    migrate(engine)
    engine.dispose()
    prepare_tables(settings.database_url)


def _migrate(_: argparse.Namespace) -> None:
    migrate_all(prepare())


def _up(parsed: argparse.Namespace) -> None:
    settings = prepare()
    migrate_all(settings)
    from helpdesk.server import serve

    serve(settings, bind=parsed.bind, back_office=True)


def _web(parsed: argparse.Namespace) -> None:
    from helpdesk.server import serve

    serve(prepare(), bind=parsed.bind, workers=parsed.workers)


def _worker(_: argparse.Namespace) -> None:
    from helpdesk.worker import run_worker

    run_worker(prepare())


def _demo(parsed: argparse.Namespace) -> None:
    from helpdesk.demo.run import run_demo

    run_demo(bind=parsed.bind, live=parsed.live, fresh=parsed.fresh)


def _seed(parsed: argparse.Namespace) -> None:
    from helpdesk.demo.seed import seed

    settings = prepare()
    migrate_all(settings)
    seed(replace(settings, simple_passwords=True), customers=parsed.customers)


def _settings(_: argparse.Namespace) -> None:
    settings = prepare()
    urls = {"imap_url", "smtp_url", "database_url", "redis_url"}  # they may hold a password
    for name in Settings.__dataclass_fields__:
        value = getattr(settings, name)
        hidden = name in urls or any(
            word in name for word in ("secret", "token", "stripe_key", "signing_key", "password")
        )
        shown = "(set)" if hidden and value else value
        print(f"GUICHE_{name.upper()} = {shown}")  # noqa: T201


def _mail(parsed: argparse.Namespace) -> int:
    from helpdesk.bootstrap import build_services
    from helpdesk.mailboxes.handover import come_again, hand_over

    try:
        services = build_services(prepare())
        try:
            return hand_over(services, sys.stdin.buffer.read(), parsed.to)
        finally:
            services.db.close()
    except Exception as fault:  # a program that ends otherwise makes its server return the mail
        return come_again(fault)


def _with_services(command: Command, parsed: argparse.Namespace) -> int:
    from helpdesk.bootstrap import build_services

    services = build_services(prepare())
    try:
        return print_lines(command, services, parsed)
    finally:
        services.db.close()


def checkout() -> Path:
    """Return the folder of the source checkout."""
    return Path(__file__).resolve().parent.parent


def run_tests(arguments: list[str]) -> int:
    """Hand the arguments to pytest in the checkout."""
    from helpdesk.translations.catalogue import compile_catalogues

    compile_catalogues()
    return subprocess.call([sys.executable, "-m", "pytest", *arguments], cwd=checkout())  # noqa: S603


def _check(_: argparse.Namespace) -> int:
    tools = Path(sys.executable).parent
    steps = (
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("lint-imports",),
    )
    failed = 0
    for name, *arguments in steps:
        print("$", name, *arguments, flush=True)  # noqa: T201
        failed |= subprocess.call([str(tools / name), *arguments], cwd=checkout())  # noqa: S603
    return 1 if failed else 0


def _bench(parsed: argparse.Namespace) -> int:
    command = [sys.executable, "-m", f"bench.{parsed.name}"]
    if parsed.size:
        command += ["--size", str(parsed.size)]
    if parsed.json:
        command += ["--json", str(parsed.json.absolute())]
    return subprocess.call(command, cwd=checkout())  # noqa: S603
