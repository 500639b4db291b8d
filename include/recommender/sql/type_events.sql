-- Landed text becomes typed rows. row_id names a landed row; event_key tells which rows are the same event.
WITH trimmed AS (
  SELECT
    NULLIF(TRIM(event_id), '') AS event_id,
    NULLIF(TRIM(user_id), '') AS user_id,
    NULLIF(TRIM(item_id), '') AS item_id,
    NULLIF(TRIM(event_type), '') AS event_type,
    NULLIF(TRIM(occurred_at), '') AS occurred_at_text,
    NULLIF(TRIM(value), '') AS value_text,
    day AS arrival_date,
    file
  FROM landed_events
),
typed AS (
  SELECT
    *,
    SAFE_CAST(occurred_at_text AS TIMESTAMP) AS moment,
    SAFE_CAST(value_text AS FLOAT64) AS value,
    TO_HEX(MD5(CONCAT(
      COALESCE(user_id, ''), '|', COALESCE(item_id, ''), '|', COALESCE(event_type, ''), '|',
      COALESCE(occurred_at_text, ''), '|', COALESCE(value_text, '')
    ))) AS content
  FROM trimmed
),
numbered AS (
  SELECT
    *,
    -- Only times whose date every engine and Python have, in any timezone: not infinity, and not 20250-10-01.
    CASE
      WHEN moment >= SAFE_CAST('0002-01-01T00:00:00Z' AS TIMESTAMP) AND moment < SAFE_CAST('9999-01-01T00:00:00Z' AS TIMESTAMP)
      THEN moment
    END AS occurred_at,
    CONCAT(CAST(arrival_date AS STRING), '|', COALESCE(event_id, ''), '|', content) AS landed_content,
    ROW_NUMBER() OVER (PARTITION BY arrival_date, content, event_id ORDER BY file) AS copy
  FROM typed
),
named AS (
  SELECT
    *,
    CONCAT(TO_HEX(MD5(landed_content)), '-', CAST(copy AS STRING)) AS row_id
  FROM numbered
)
SELECT
  named.event_id,
  named.user_id,
  named.item_id,
  named.event_type,
  named.occurred_at,
  named.value,
  named.occurred_at_text,
  named.value_text,
  DATE(named.occurred_at, @timezone) AS event_date,
  named.arrival_date,
  named.file,
  named.row_id,
  CASE
    WHEN @deduplicate = 'event_id' THEN COALESCE(CONCAT('id:', named.event_id), named.content)
    WHEN @deduplicate = 'content' THEN named.content
    ELSE named.row_id
  END AS event_key,
  readmissions.row_id IS NOT NULL AS readmitted
FROM named
LEFT JOIN readmissions ON readmissions.row_id = named.row_id
