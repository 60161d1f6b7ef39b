"""copyDatabase.py OLD NEW: copies all rows of a SQLite database of Temporal into that of another version.

NEW keeps its schema. New columns get their defaults, and SQLite derives generated columns and full-text
indexes again. A table or column of OLD that NEW lacks is an error: no data is dropped. Either all rows are
copied, or none. Afterwards neither database has data in a journal, so the files can be moved.
"""

import sqlite3
import sys

old, new = sys.argv[1:]
database = sqlite3.connect(new, isolation_level=None)
database.execute("ATTACH ? AS old", [old])


def tables_of(schema):
    """
    The tables to copy: not SQLite's own, nor virtual tables (full-text indexes), nor their shadow tables. Those
    store the content of a virtual table, and their names begin with its name.
    """
    rows = database.execute(f"SELECT name, sql FROM {schema}.sqlite_master WHERE type = 'table'").fetchall()
    virtual = [name for name, sql in rows if sql.upper().startswith("CREATE VIRTUAL")]
    excluded = ("sqlite_", *virtual)
    return {name for name, _ in rows if not name.startswith(excluded)}


def columns_of(schema, table):
    """The writable columns: table_info omits generated ones."""
    return {row[1] for row in database.execute(f'PRAGMA {schema}.table_info("{table}")')}


database.execute("BEGIN IMMEDIATE")
old_tables, new_tables = tables_of("old"), tables_of("main")
if not old_tables:
    sys.exit(f"{old} has no tables: it is not a database of Temporal.")
for table in sorted(new_tables):
    database.execute(f'DELETE FROM main."{table}"')
for table in sorted(old_tables):
    missing = columns_of("old", table) - columns_of("main", table) if table in new_tables else {"the whole table"}
    if missing:
        names = ", ".join(sorted(missing))
        sys.exit(f"{old} contains {names} of {table}, which the database of the new version of Temporal lacks.")
    columns = ", ".join(f'"{column}"' for column in sorted(columns_of("old", table)))
    database.execute(f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM old."{table}"')
database.execute("COMMIT")
# Closing the last connection writes the content of the journals into the database files.
database.close()
