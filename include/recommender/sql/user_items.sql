-- The pairs of user and item before as_of_date. Weights are integers, so that sums repeat.
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
),
-- A user's days, counted back from the latest one (1).
visits AS (
  SELECT user_id, event_date, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_date DESC) AS visit
  FROM (SELECT DISTINCT user_id, event_date FROM visible_events)
)
SELECT
  @as_of_date AS as_of_date,
  visible_events.user_id,
  visible_events.item_id,
  MIN(visible_events.event_date) AS first_date,
  MAX(visible_events.event_date) AS last_date,
  MIN(visits.visit) AS last_visit,
  MAX(visits.visit) AS first_visit,
  COUNT(DISTINCT visible_events.event_date) AS active_days,
  COUNTIF(is_positive) AS events,
  COUNTIF(is_positive AND age_days <= 7) AS events_7d,
  COUNTIF(is_positive AND age_days <= 28) AS events_28d,
  COUNTIF(is_positive AND age_days <= 90) AS events_90d,
  COUNTIF(NOT is_positive) AS other_events,
  SUM(IF(is_positive, CAST(ROUND(1000000 * EXP(-@decay_short * age_days)) AS INT64), 0)) AS weight_short_micros,
  SUM(IF(is_positive, CAST(ROUND(1000000 * EXP(-@decay_medium * age_days)) AS INT64), 0)) AS weight_medium_micros,
  SUM(IF(is_positive, CAST(ROUND(1000000 * EXP(-@decay_long * age_days)) AS INT64), 0)) AS weight_micros,
  SUM(value_micros) AS value_micros
FROM visible_events
INNER JOIN visits ON visits.user_id = visible_events.user_id AND visits.event_date = visible_events.event_date
GROUP BY visible_events.user_id, visible_events.item_id
