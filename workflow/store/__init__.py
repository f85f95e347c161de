"""The database: opens it, defines its tables, guards them, and upgrades an older one."""
