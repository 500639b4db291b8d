-- The users who did anything before as_of_date.
SELECT DISTINCT user_id
FROM events
WHERE event_date < @as_of_date
  AND arrival_date <= @as_of_date
  AND event_date >= DATE_SUB(@as_of_date, INTERVAL @history_days DAY)
