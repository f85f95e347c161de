"""Opens the database, defines its tables, guards its history, and upgrades an older one."""
