"""The database: how it is opened, its tables, its guards, and how an older one is brought up to date."""
