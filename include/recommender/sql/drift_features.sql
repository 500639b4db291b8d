-- What rankers look at as of a date, in fixed bins: items, users and pairs that anybody touched in the last 28 days.
WITH measured AS (
  SELECT 'item_users_7d' AS name, users_7d AS value
  FROM item_stats
  WHERE as_of_date = @as_of_date AND is_active AND users_28d > 0
  UNION ALL
  SELECT 'item_users_28d', users_28d
  FROM item_stats
  WHERE as_of_date = @as_of_date AND is_active AND users_28d > 0
  UNION ALL
  SELECT 'item_days_since_last', DATE_DIFF(@as_of_date, last_date, DAY)
  FROM item_stats
  WHERE as_of_date = @as_of_date AND is_active AND users_28d > 0
  UNION ALL
  SELECT 'user_events_7d', events_7d
  FROM user_stats
  WHERE as_of_date = @as_of_date AND events_28d > 0
  UNION ALL
  SELECT 'user_events_28d', events_28d
  FROM user_stats
  WHERE as_of_date = @as_of_date AND events_28d > 0
  UNION ALL
  SELECT 'user_items_28d', items_28d
  FROM user_stats
  WHERE as_of_date = @as_of_date AND events_28d > 0
  UNION ALL
  SELECT 'user_days_since_last', DATE_DIFF(@as_of_date, last_date, DAY)
  FROM user_stats
  WHERE as_of_date = @as_of_date AND events_28d > 0
  UNION ALL
  SELECT 'pair_events_28d', events_28d
  FROM user_items
  WHERE as_of_date = @as_of_date AND events_28d > 0
  UNION ALL
  SELECT 'pair_days_since_last', DATE_DIFF(@as_of_date, last_date, DAY)
  FROM user_items
  WHERE as_of_date = @as_of_date AND events_28d > 0
),
binned AS (
  SELECT
    name,
    CASE
      WHEN value IS NULL THEN 'none'
      WHEN value < 1 THEN '0'
      WHEN value < 2 THEN '1'
      WHEN value < 4 THEN '2 to 3'
      WHEN value < 8 THEN '4 to 7'
      WHEN value < 16 THEN '8 to 15'
      WHEN value < 32 THEN '16 to 31'
      WHEN value < 64 THEN '32 to 63'
      WHEN value < 128 THEN '64 to 127'
      WHEN value < 256 THEN '128 to 255'
      ELSE '256 and more'
    END AS bin
  FROM measured
)
SELECT @as_of_date AS day, name, bin, COUNT(*) AS count
FROM binned
GROUP BY name, bin
ORDER BY name, bin
