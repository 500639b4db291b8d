-- Each catalogue item with what happened to it before as_of_date. Weights are integers, so that sums repeat.
-- Of a value at most a billion counts. Many of those fit no INT64: sums are BIGNUMERIC, and end at 9 * 10^18 micro-units.
-- Days are counted by grouping twice: COUNT(DISTINCT ...) in millions of small groups takes several times longer.
WITH pair_days AS (
  SELECT
    user_id,
    item_id,
    event_date,
    DATE_DIFF(@as_of_date, event_date, DAY) AS age_days,
    COUNT(*) AS events,
    SUM(CAST(
      CAST(ROUND(GREATEST(LEAST(COALESCE(value, 0), 1000000000), -1000000000) * 1000000) AS INT64) AS BIGNUMERIC
    )) AS value_micros
  FROM events
  WHERE event_date < @as_of_date
    AND arrival_date <= @as_of_date
    AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
    AND (@all_positive OR event_type IN UNNEST(@positive_event_types))
  GROUP BY user_id, item_id, event_date
),
per_pair AS (
  SELECT
    item_id,
    user_id,
    SUM(events) AS events,
    COUNT(*) AS active_days,
    MIN(event_date) AS first_date,
    MAX(event_date) AS last_date,
    MIN(age_days) AS age_days,
    MAX(age_days) AS first_age_days,
    SUM(events * CAST(ROUND(1000000 * EXP(-@decay_long * age_days)) AS INT64)) AS weight_micros,
    SUM(value_micros) AS value_micros
  FROM pair_days
  GROUP BY item_id, user_id
),
per_item AS (
  SELECT
    item_id,
    MIN(first_date) AS first_date,
    MAX(last_date) AS last_date,
    SUM(events) AS events,
    COUNT(*) AS users,
    COUNTIF(age_days <= 1) AS users_1d,
    COUNTIF(age_days <= 3) AS users_3d,
    COUNTIF(age_days <= 7) AS users_7d,
    COUNTIF(age_days <= 14) AS users_14d,
    COUNTIF(age_days <= 28) AS users_28d,
    COUNTIF(age_days <= 90) AS users_90d,
    COUNTIF(first_age_days <= 7) AS first_users_7d,
    COUNTIF(first_age_days <= 28) AS first_users_28d,
    COUNTIF(active_days > 1) AS repeat_users,
    SUM(active_days - 1) AS returns,
    SUM(first_age_days - age_days) AS return_days,
    SUM(weight_micros) AS weight_micros,
    CAST(ROUND(GREATEST(LEAST(SUM(value_micros), 9000000000000000000), -9000000000000000000)) AS INT64) AS value_micros
  FROM per_pair
  GROUP BY item_id
),
catalogue AS (
  SELECT item_id, category, is_active, DATE(created_at, @timezone) AS created_date
  FROM items
  WHERE snapshot_date = @items_snapshot_date
)
SELECT
  @as_of_date AS as_of_date,
  catalogue.item_id,
  catalogue.category,
  catalogue.is_active,
  catalogue.created_date,
  per_item.first_date,
  per_item.last_date,
  COALESCE(per_item.events, 0) AS events,
  COALESCE(per_item.users, 0) AS users,
  COALESCE(per_item.users_1d, 0) AS users_1d,
  COALESCE(per_item.users_3d, 0) AS users_3d,
  COALESCE(per_item.users_7d, 0) AS users_7d,
  COALESCE(per_item.users_14d, 0) AS users_14d,
  COALESCE(per_item.users_28d, 0) AS users_28d,
  COALESCE(per_item.users_90d, 0) AS users_90d,
  COALESCE(per_item.first_users_7d, 0) AS first_users_7d,
  COALESCE(per_item.first_users_28d, 0) AS first_users_28d,
  COALESCE(per_item.repeat_users, 0) AS repeat_users,
  COALESCE(per_item.returns, 0) AS returns,
  COALESCE(per_item.return_days, 0) AS return_days,
  COALESCE(per_item.weight_micros, 0) AS weight_micros,
  COALESCE(per_item.value_micros, 0) AS value_micros
FROM catalogue
LEFT JOIN per_item ON per_item.item_id = catalogue.item_id
WHERE per_item.item_id IS NOT NULL OR catalogue.created_date IS NULL OR catalogue.created_date < @as_of_date
