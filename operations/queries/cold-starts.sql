"coldStart" | SELECT
  substr(json_extract_scalar(message, '$.time'), 1, 13) AS hour,
  count(*) AS cold_starts,
  approx_percentile(CAST(json_extract_scalar(message, '$.durationMs') AS double), 0.99) AS p99
FROM log
WHERE json_extract_scalar(message, '$.coldStart') = 'true'
GROUP BY substr(json_extract_scalar(message, '$.time'), 1, 13)
ORDER BY hour DESC
