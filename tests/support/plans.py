"""How SQLite reads what a query asks for."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, event


def plan_of(engine: Engine, words: str, read: Callable[[], object]) -> str:
    """The plan of the only query with these words among those that `read` sends."""
    sent: list[tuple[str, object]] = []

    def note(*given: object) -> None:
        sent.append((str(given[2]), given[3]))

    event.listen(engine, "before_cursor_execute", note)
    read()
    event.remove(engine, "before_cursor_execute", note)
    ((query, values),) = [each for each in sent if words in each[0]]
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values).all())  # type: ignore[arg-type]
