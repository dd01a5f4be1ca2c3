"""What commands print: tables, charts, live views."""
