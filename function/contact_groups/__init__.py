"""A REST facade over CloudMonitor's PutContactGroup: entry, schema, command, client, outcome,
answer.
"""
