-- The pairs of user and item before as_of_date, with no more than similarities look at.
SELECT
  user_id,
  item_id,
  MIN(event_date) AS first_date,
  MAX(event_date) AS last_date,
  COUNTIF(@all_positive OR event_type IN UNNEST(@positive_event_types)) AS events
FROM events
WHERE event_date < @as_of_date
  AND arrival_date <= @as_of_date
  AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
GROUP BY user_id, item_id
