-- What each user did before as_of_date.
-- Of a value at most a billion counts. Many of those fit no INT64: sums are BIGNUMERIC, and end at 9 * 10^18 micro-units.
WITH visible_events AS (
  SELECT
    user_id,
    item_id,
    event_date,
    DATE_DIFF(@as_of_date, event_date, DAY) AS age_days,
    CAST(ROUND(GREATEST(LEAST(COALESCE(value, 0), 1000000000), -1000000000) * 1000000) AS INT64) AS value_micros
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
per_pair AS (
  SELECT
    user_id,
    MIN(event_date) AS first_date,
    MAX(event_date) AS last_date,
    MIN(age_days) AS age_days,
    COUNT(*) AS events,
    COUNTIF(age_days <= 7) AS events_7d,
    COUNTIF(age_days <= 28) AS events_28d,
    COUNTIF(age_days <= 90) AS events_90d,
    SUM(CAST(value_micros AS BIGNUMERIC)) AS value_micros
  FROM visible_events
  GROUP BY user_id, item_id
),
per_user AS (
  SELECT
    user_id,
    MIN(first_date) AS first_date,
    MAX(last_date) AS last_date,
    SUM(events) AS events,
    SUM(events_7d) AS events_7d,
    SUM(events_28d) AS events_28d,
    SUM(events_90d) AS events_90d,
    COUNT(*) AS items,
    COUNTIF(age_days <= 28) AS items_28d,
    CAST(ROUND(GREATEST(LEAST(SUM(value_micros), 9000000000000000000), -9000000000000000000)) AS INT64) AS value_micros
  FROM per_pair
  GROUP BY user_id
),
days AS (
  SELECT user_id, COUNT(*) AS active_days
  FROM (SELECT DISTINCT user_id, event_date FROM visible_events)
  GROUP BY user_id
)
SELECT
  @as_of_date AS as_of_date,
  per_user.user_id,
  first_date,
  last_date,
  active_days,
  events,
  events_7d,
  events_28d,
  events_90d,
  items,
  items_28d,
  value_micros
FROM per_user
INNER JOIN days ON days.user_id = per_user.user_id
