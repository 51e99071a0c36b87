"GROUP_DIGEST" | SELECT
  json_extract_scalar(message, '$.time') AS time,
  json_extract_scalar(message, '$.callerId') AS caller,
  json_extract_scalar(message, '$.write') AS operation,
  json_extract_scalar(message, '$.outcome') AS outcome,
  json_extract_scalar(message, '$.before') AS before,
  json_extract_scalar(message, '$.after') AS after,
  json_extract_scalar(message, '$.contacts') AS contacts,
  json_extract_scalar(message, '$.requestId') AS request_id,
  json_extract_scalar(message, '$.upstreamRequestId') AS upstream_request_id
FROM log
WHERE json_extract_scalar(message, '$.group') = 'GROUP_DIGEST'
  AND json_extract_scalar(message, '$.write') IN ('put', 'delete')
  AND json_extract_scalar(message, '$.outcome') IN ('applied', 'unknown')
ORDER BY time DESC
LIMIT 10
