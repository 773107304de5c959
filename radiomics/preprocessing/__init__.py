"""Volume to Volume, table to table, Case to tensor: everything between reading and computing."""
