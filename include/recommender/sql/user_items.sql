-- The pairs of user and item before as_of_date. Weights are integers, so that sums repeat.
-- Of a value at most a billion counts. Many of those fit no INT64: sums are BIGNUMERIC, and end at 9 * 10^18 micro-units.
-- Days are counted by grouping twice: COUNT(DISTINCT ...) in millions of small groups takes several times longer.
WITH visible_events AS (
  SELECT
    user_id,
    item_id,
    event_date,
    CAST(ROUND(GREATEST(LEAST(COALESCE(value, 0), 1000000000), -1000000000) * 1000000) AS INT64) AS value_micros,
    (@all_positive OR event_type IN UNNEST(@positive_event_types)) AS is_positive
  FROM events
  WHERE event_date < @as_of_date
    AND arrival_date <= @as_of_date
    AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
    AND (
      @all_users
      OR user_id IN (SELECT chosen FROM UNNEST(@user_ids) AS chosen)
      OR (user_id >= @first_user AND user_id <= @last_user)
    )
),
pair_days AS (
  SELECT
    user_id,
    item_id,
    event_date,
    DATE_DIFF(@as_of_date, event_date, DAY) AS age_days,
    COUNTIF(is_positive) AS events,
    COUNTIF(NOT is_positive) AS other_events,
    SUM(CAST(value_micros AS BIGNUMERIC)) AS value_micros
  FROM visible_events
  GROUP BY user_id, item_id, event_date
),
-- A user's days, counted back from the latest one (1).
visits AS (
  SELECT user_id, event_date, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY event_date DESC) AS visit
  FROM (SELECT DISTINCT user_id, event_date FROM visible_events)
)
SELECT
  @as_of_date AS as_of_date,
  pair_days.user_id,
  pair_days.item_id,
  MIN(pair_days.event_date) AS first_date,
  MAX(pair_days.event_date) AS last_date,
  MIN(visits.visit) AS last_visit,
  MAX(visits.visit) AS first_visit,
  COUNT(*) AS active_days,
  SUM(events) AS events,
  SUM(IF(age_days <= 7, events, 0)) AS events_7d,
  SUM(IF(age_days <= 28, events, 0)) AS events_28d,
  SUM(IF(age_days <= 90, events, 0)) AS events_90d,
  SUM(other_events) AS other_events,
  SUM(events * CAST(ROUND(1000000 * EXP(-@decay_short * age_days)) AS INT64)) AS weight_short_micros,
  SUM(events * CAST(ROUND(1000000 * EXP(-@decay_medium * age_days)) AS INT64)) AS weight_medium_micros,
  SUM(events * CAST(ROUND(1000000 * EXP(-@decay_long * age_days)) AS INT64)) AS weight_micros,
  CAST(ROUND(GREATEST(LEAST(SUM(value_micros), 9000000000000000000), -9000000000000000000)) AS INT64) AS value_micros
FROM pair_days
INNER JOIN visits ON visits.user_id = pair_days.user_id AND visits.event_date = pair_days.event_date
GROUP BY pair_days.user_id, pair_days.item_id
