-- Landed catalogue text becomes typed rows; of the rows of an item the last file's is copy 1.
WITH trimmed AS (
  SELECT
    NULLIF(TRIM(item_id), '') AS item_id,
    NULLIF(TRIM(category), '') AS category,
    NULLIF(TRIM(title), '') AS title,
    NULLIF(TRIM(created_at), '') AS created_at_text,
    NULLIF(TRIM(is_active), '') AS is_active_text,
    day AS snapshot_date,
    file
  FROM landed_items
),
numbered AS (
  SELECT
    *,
    SAFE_CAST(created_at_text AS TIMESTAMP) AS moment,
    -- Not by a cast: engines disagree on which texts are a truth value.
    CASE
      WHEN LOWER(is_active_text) IN ('true', 't', 'yes', 'y', '1') THEN TRUE
      WHEN LOWER(is_active_text) IN ('false', 'f', 'no', 'n', '0') THEN FALSE
    END AS is_active_read,
    ROW_NUMBER() OVER (PARTITION BY snapshot_date, item_id ORDER BY file DESC, title, category, created_at_text, is_active_text) AS copy
  FROM trimmed
)
SELECT
  item_id, category, title, created_at_text, is_active_text, snapshot_date, file,
  -- Only times whose date every engine and Python have, in any timezone: not infinity, and not 20250-10-01.
  CASE
    WHEN moment >= SAFE_CAST('0002-01-01T00:00:00Z' AS TIMESTAMP) AND moment < SAFE_CAST('9999-01-01T00:00:00Z' AS TIMESTAMP)
    THEN moment
  END AS created_at,
  COALESCE(is_active_read, TRUE) AS is_active,
  is_active_text IS NULL OR is_active_read IS NOT NULL AS is_active_readable,
  CONCAT(TO_HEX(MD5(CONCAT(CAST(snapshot_date AS STRING), '|', COALESCE(item_id, '')))), '-', CAST(copy AS STRING)) AS row_id,
  copy
FROM numbered
