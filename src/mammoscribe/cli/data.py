"""`mammoscribe data`: from somebody's archive to exams, reports, honest splits and prepared pictures."""

import typer

from mammoscribe.cli import data_exchange, data_read, data_use
from mammoscribe.cli.plain_help import PlainCommand, PlainGroup

EXAMPLE = "Example: mammoscribe data check rsna-2023 downloads/rsna"

app = typer.Typer(
    cls=PlainGroup,
    help="Read datasets: list, show, draft, check, ingest, split, audit, prepare, export, import.",
    no_args_is_help=True,
)
COMMANDS = {
    "list": (data_read.show_list, "mammoscribe data list"),
    "show": (data_read.show, "mammoscribe data show vindr-mammo"),
    "draft": (data_exchange.draft, "mammoscribe data draft our_exams --out ours.toml"),
    "check": (data_read.check, "mammoscribe data check ours.toml"),
    "ingest": (data_read.ingest, "mammoscribe data ingest ours.toml --out ours --comparisons drop"),
    "split": (data_use.split, "mammoscribe data split ours --shares 70/10/20 --stratify birads"),
    "audit": (data_use.audit, "mammoscribe data audit ours --prepared ours-prepared --out leaks.csv"),
    "prepare": (data_use.prepare, "mammoscribe data prepare ours --out ours-prepared"),
    "export": (data_exchange.export, "mammoscribe data export ours --to llava --out ours-llava"),
    "import": (data_exchange.bring_in, "mammoscribe data import train.json --from llava --images images --out chats"),
}
for _name, (_command, _example) in COMMANDS.items():
    app.command(_name, cls=PlainCommand, epilog=f"Example: {_example}")(_command)
