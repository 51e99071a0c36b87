"durationMs" | SELECT
  json_extract_scalar(message, '$.method') AS method,
  count(*) AS requests,
  approx_percentile(CAST(json_extract_scalar(message, '$.durationMs') AS double), 0.99) AS whole,
  approx_percentile(
    CAST(json_extract_scalar(message, '$.upstreamTotalMs') AS double), 0.99) AS upstream,
  approx_percentile(CAST(coalesce(
    json_extract_scalar(message, '$.paceMs'), '0') AS double), 0.99) AS pace
FROM log
WHERE json_extract_scalar(message, '$.message') = 'request'
GROUP BY json_extract_scalar(message, '$.method')
ORDER BY whole DESC
