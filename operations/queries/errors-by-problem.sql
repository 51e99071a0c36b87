"durationMs" | SELECT
  coalesce(json_extract_scalar(message, '$.problem'), 'none') AS problem,
  count(*) AS requests,
  round(100.0 * count(*) / sum(count(*)) OVER (), 2) AS percent
FROM log
WHERE json_extract_scalar(message, '$.message') = 'request'
GROUP BY coalesce(json_extract_scalar(message, '$.problem'), 'none')
ORDER BY requests DESC
