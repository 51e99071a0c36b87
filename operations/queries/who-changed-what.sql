"write" | SELECT
  json_extract_scalar(message, '$.callerId') AS caller,
  json_extract_scalar(message, '$.group') AS group_digest,
  json_extract_scalar(message, '$.write') AS operation,
  json_extract_scalar(message, '$.outcome') AS outcome,
  count(*) AS writes,
  max(json_extract_scalar(message, '$.time')) AS latest
FROM log
WHERE json_extract_scalar(message, '$.write') IN ('put', 'delete')
GROUP BY json_extract_scalar(message, '$.callerId'), json_extract_scalar(message, '$.group'),
  json_extract_scalar(message, '$.write'), json_extract_scalar(message, '$.outcome')
ORDER BY latest DESC
LIMIT 100
