"durationMs" | SELECT
  count(*) AS requests,
  sum(CASE WHEN json_extract_scalar(message, '$.cause') = 'instance-pace' THEN 1 ELSE 0 END)
    AS by_the_pace,
  sum(CASE WHEN json_extract_scalar(message, '$.cause') = 'upstream-quota' THEN 1 ELSE 0 END)
    AS by_the_quota,
  round(100.0 * sum(CASE WHEN json_extract_scalar(message, '$.problem') = 'throttled'
    THEN 1 ELSE 0 END) / count(*), 2) AS percent
FROM log
WHERE json_extract_scalar(message, '$.message') = 'request'
