"""Opens the way to `demo`, which brings a whole stage with it: imported when it is called."""

import typer


def demo(ctx: typer.Context) -> None:
    """Break a small service, and watch it being rolled back."""
    from watchdog.cli.demo import demo as real

    door = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
    door.command()(real)
    door(ctx.args, prog_name=ctx.command_path)
