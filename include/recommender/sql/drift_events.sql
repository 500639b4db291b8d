-- The events of each day in fixed bins. Only what arrived by the next day counts: so a day looks the same from any date.
WITH seen AS (
  SELECT
    events.event_date AS day,
    events.user_id,
    COALESCE(events.event_type, 'none') AS event_type,
    COALESCE(items.category, 'none') AS category,
    EXTRACT(HOUR FROM events.occurred_at AT TIME ZONE @timezone) AS hour_of_day
  FROM events
  LEFT JOIN items ON items.item_id = events.item_id AND items.snapshot_date = @items_snapshot_date
  WHERE events.event_date >= @first_day
    AND events.event_date <= @last_day
    AND DATE_DIFF(events.arrival_date, events.event_date, DAY) <= 1
),
per_user AS (
  SELECT day, user_id, COUNT(*) AS events
  FROM seen
  GROUP BY day, user_id
),
binned AS (
  SELECT day, 'event_type' AS name, event_type AS bin
  FROM seen
  UNION ALL
  SELECT day, 'category', category
  FROM seen
  UNION ALL
  SELECT day, 'hour', CONCAT(IF(hour_of_day < 10, '0', ''), CAST(hour_of_day AS STRING))
  FROM seen
  UNION ALL
  SELECT
    day,
    'events_per_user',
    CASE
      WHEN events < 2 THEN '1'
      WHEN events < 4 THEN '2 to 3'
      WHEN events < 8 THEN '4 to 7'
      WHEN events < 16 THEN '8 to 15'
      WHEN events < 32 THEN '16 to 31'
      WHEN events < 64 THEN '32 to 63'
      ELSE '64 and more'
    END
  FROM per_user
)
SELECT day, name, bin, COUNT(*) AS count
FROM binned
GROUP BY day, name, bin
ORDER BY day, name, bin
