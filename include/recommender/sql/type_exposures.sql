-- Landed text becomes typed rows. row_id is a hash of the content: the same showing delivered twice is one row.
WITH trimmed AS (
  SELECT
    NULLIF(TRIM(publication_id), '') AS publication_id,
    NULLIF(TRIM(surface), '') AS surface,
    NULLIF(TRIM(user_id), '') AS user_id,
    NULLIF(TRIM(item_id), '') AS item_id,
    NULLIF(TRIM(position), '') AS position_text,
    NULLIF(TRIM(shown_at), '') AS shown_at_text,
    day AS arrival_date,
    file
  FROM landed_exposures
),
typed AS (
  SELECT
    *,
    SAFE_CAST(position_text AS FLOAT64) AS position_number,
    SAFE_CAST(shown_at_text AS TIMESTAMP) AS moment,
    TO_HEX(MD5(CONCAT(
      COALESCE(publication_id, ''), '|', COALESCE(surface, ''), '|', COALESCE(user_id, ''), '|',
      COALESCE(item_id, ''), '|', COALESCE(position_text, ''), '|', COALESCE(shown_at_text, '')
    ))) AS row_id
  FROM trimmed
),
dated AS (
  SELECT
    *,
    -- Only times whose date every engine and Python have, in any timezone: not infinity, and not 20250-10-01.
    CASE
      WHEN moment >= SAFE_CAST('0002-01-01T00:00:00Z' AS TIMESTAMP) AND moment < SAFE_CAST('9999-01-01T00:00:00Z' AS TIMESTAMP)
      THEN moment
    END AS shown_at
  FROM typed
)
SELECT
  arrival_date,
  row_id,
  DATE(shown_at, @timezone) AS event_date,
  publication_id,
  surface,
  user_id,
  item_id,
  CASE
    WHEN position_number >= 1 AND position_number <= 1000000
      AND ROUND(position_number) = position_number
    THEN CAST(ROUND(position_number) AS INT64)
    ELSE NULL
  END AS position,
  shown_at,
  position_text,
  shown_at_text,
  file,
  FALSE AS readmitted
FROM dated
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY arrival_date, row_id ORDER BY file) = 1
