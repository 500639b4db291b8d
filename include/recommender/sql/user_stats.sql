-- What each user did before as_of_date.
WITH visible_events AS (
  SELECT
    user_id,
    item_id,
    event_date,
    DATE_DIFF(@as_of_date, event_date, DAY) AS age_days,
    CAST(ROUND(COALESCE(value, 0) * 1000000) AS INT64) AS value_micros
  FROM events
  WHERE event_date < @as_of_date
    AND arrival_date <= @as_of_date
    AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
)
SELECT
  @as_of_date AS as_of_date,
  user_id,
  MIN(event_date) AS first_date,
  MAX(event_date) AS last_date,
  COUNT(DISTINCT event_date) AS active_days,
  COUNT(*) AS events,
  COUNTIF(age_days <= 7) AS events_7d,
  COUNTIF(age_days <= 28) AS events_28d,
  COUNTIF(age_days <= 90) AS events_90d,
  COUNT(DISTINCT item_id) AS items,
  COUNT(DISTINCT IF(age_days <= 28, item_id, NULL)) AS items_28d,
  SUM(value_micros) AS value_micros
FROM visible_events
GROUP BY user_id
