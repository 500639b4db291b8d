-- The pairs of user and item before as_of_date; of each user the heaviest pairs only.
WITH visible_events AS (
  SELECT
    user_id,
    item_id,
    event_date,
    DATE_DIFF(@as_of_date, event_date, DAY) AS age_days,
    CAST(ROUND(COALESCE(value, 0) * 1000000) AS INT64) AS value_micros,
    (@all_positive OR event_type IN UNNEST(@positive_event_types)) AS is_positive
  FROM events
  WHERE event_date < @as_of_date
    AND arrival_date <= @as_of_date
    AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
)
SELECT
  @as_of_date AS as_of_date,
  user_id,
  item_id,
  MIN(event_date) AS first_date,
  MAX(event_date) AS last_date,
  COUNT(DISTINCT event_date) AS active_days,
  COUNTIF(is_positive) AS events,
  COUNTIF(is_positive AND age_days <= 7) AS events_7d,
  COUNTIF(is_positive AND age_days <= 28) AS events_28d,
  COUNTIF(is_positive AND age_days <= 90) AS events_90d,
  COUNTIF(NOT is_positive) AS other_events,
  SUM(IF(is_positive, CAST(ROUND(1000000 * EXP(-@decay * age_days)) AS INT64), 0)) AS weight_micros,
  SUM(value_micros) AS value_micros
FROM visible_events
GROUP BY user_id, item_id
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY user_id
  ORDER BY
    SUM(IF(is_positive, CAST(ROUND(1000000 * EXP(-@decay * age_days)) AS INT64), 0)) DESC, MAX(event_date) DESC, item_id
) <= @max_items_per_user
